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
        'protsae fetch {params.settings} --output "$(dirname {output.proteins:q})" > {log:q} 2>&1'


rule split:
    input:
        fetched="<results>/proteins/fetched.parquet",
        annotations="<results>/proteins/annotations.parquet",
        previous=local_file("split.previous"),
    output:
        proteins="<results>/proteins/proteins.parquet",
        relatives="<results>/proteins/relatives.tsv",
    log:
        "<results>/logs/split.log",
    conda:
        "../envs/protsae.yaml"
    threads: 8
    resources:
        mem_mb=8000,
        runtime=240,
    params:
        settings=to_flags(CONFIG.split),
        # They change what is printed, not the parts. As a function of the input they are no reason
        # to split again, and so to train again.
        concepts=lambda wildcards, input: to_flags(CONFIG.concepts),
        code=code("split"),
    shell:
        "protsae split {params.settings} {params.concepts} --input {input.fetched:q}"
        " --annotations {input.annotations:q} --output {output.proteins:q}"
        " --threads {threads} > {log:q} 2>&1"


rule further:
    input:
        files=local_file("further_proteins"),
        proteins="<results>/proteins/proteins.parquet",
        provenance="<results>/proteins/provenance.json",
    output:
        "<results>/proteins/further.parquet",
    log:
        "<results>/logs/further.log",
    conda:
        "../envs/protsae.yaml"
    threads: 8
    resources:
        mem_mb=8000,
        runtime=240,
    params:
        code=code("further"),
    shell:
        "protsae further --files {input.files:q} --proteins {input.proteins:q}"
        " --provenance {input.provenance:q} --output {output:q}"
        " --threads {threads} > {log:q} 2>&1"
