# What supervision and the sequence alone reach on the same concepts, proteins and scores.


rule probe_layer:
    input:
        proteins="<results>/proteins/proteins.parquet",
        annotations="<results>/proteins/annotations.parquet",
        labels=local_file("concepts.labels"),
        activations=expand(
            "<results>/activations/{{model}}/shard-{shard}.h5", shard=SHARDS
        ),
    output:
        "<results>/probes/{model}/layer-{layer}/probes.parquet",
    log:
        "<results>/logs/probe/{model}/layer-{layer}.log",
    benchmark:
        "<results>/benchmarks/probe/{model}/layer-{layer}.tsv"
    conda:
        "../envs/protsae.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=480,
    params:
        concepts=to_flags(CONFIG.concepts),
        settings=to_flags(CONFIG.probe),
        code=code("probe"),
    shell:
        "protsae probe {params.concepts} {params.settings}"
        " --activations {input.activations:q} --layer $((10#{wildcards.layer}))"
        " --proteins {input.proteins:q} --annotations {input.annotations:q}"
        ' --output "$(dirname {output:q})" > {log:q} 2>&1'


rule lookup:
    input:
        proteins="<results>/proteins/proteins.parquet",
        annotations="<results>/proteins/annotations.parquet",
        provenance="<results>/proteins/provenance.json",
        labels=local_file("concepts.labels"),
    output:
        references="<results>/references.parquet",
        rules="<results>/rules.parquet",
        rule_counts="<results>/rule_counts.parquet",
        concepts="<results>/concepts.tsv",
    log:
        "<results>/logs/lookup.log",
    benchmark:
        "<results>/benchmarks/lookup.tsv"
    conda:
        "../envs/protsae.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=480,
    params:
        concepts=to_flags(CONFIG.concepts),
        probe=to_flags(CONFIG.probe),
        settings=to_flags(CONFIG.references),
        code=code("lookup"),
    shell:
        "protsae lookup {params.concepts} {params.probe} {params.settings}"
        " --proteins {input.proteins:q} --annotations {input.annotations:q}"
        ' --provenance {input.provenance:q} --output "$(dirname {output.references:q})"'
        " --threads {threads} > {log:q} 2>&1"


rule probe:
    input:
        layer_paths("<results>/probes/{model}/layer-{layer}/probes.parquet"),
