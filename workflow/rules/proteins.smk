# Proteins and their annotations, then homology clusters and splits.


rule fetch:
    input:
        proteins=local_file("fetch.input"),
        annotations=local_file("fetch.annotations"),
    output:
        proteins="<results>/proteins/fetched.parquet",
        annotations="<results>/proteins/annotations.parquet",
        provenance="<results>/proteins/provenance.json",
    log:
        "<results>/logs/fetch.log",
    benchmark:
        "<results>/benchmarks/fetch.tsv"
    conda:
        "../envs/protsae.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=720,
    params:
        settings=to_flags(CONFIG.fetch),
        code=code("fetch"),
    shell:
        "protsae fetch {params.settings} --output $(dirname {output.proteins}) > {log} 2>&1"


rule split:
    input:
        "<results>/proteins/fetched.parquet",
    output:
        "<results>/proteins/proteins.parquet",
    log:
        "<results>/logs/split.log",
    benchmark:
        "<results>/benchmarks/split.tsv"
    conda:
        "../envs/protsae.yaml"
    threads: 8
    resources:
        mem_mb=8000,
        runtime=240,
    params:
        settings=to_flags(CONFIG.split),
        code=code("split"),
    shell:
        "protsae split {params.settings} --input {input} --output {output}"
        " --threads {threads} > {log} 2>&1"
