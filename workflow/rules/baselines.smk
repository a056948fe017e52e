# What supervision and the sequence alone reach on the same properties, proteins and scores.


rule probe_layer:
    input:
        proteins="<results>/proteins/proteins.parquet",
        annotations="<results>/proteins/annotations.parquet",
        labels=list(CONFIG.annotate.labels),
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
        properties=to_flags(PROPERTIES),
        settings=to_flags(CONFIG.probe),
        code=code("probe"),
    shell:
        "protsae probe {params.properties} {params.settings}"
        " --activations {input.activations:q} --layer $((10#{wildcards.layer}))"
        " --proteins {input.proteins:q} --annotations {input.annotations:q}"
        ' --output "$(dirname {output:q})" > {log:q} 2>&1'


rule lookup:
    input:
        proteins="<results>/proteins/proteins.parquet",
        annotations="<results>/proteins/annotations.parquet",
        provenance="<results>/proteins/provenance.json",
        labels=list(CONFIG.annotate.labels),
    output:
        lookup="<results>/lookup.parquet",
        rules="<results>/rules.parquet",
        rule_counts="<results>/rule_counts.parquet",
        properties="<results>/properties.tsv",
    log:
        "<results>/logs/lookup.log",
    benchmark:
        "<results>/benchmarks/lookup.tsv"
    conda:
        "../envs/protsae.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=480,
    params:
        properties=to_flags(PROPERTIES),
        probe=to_flags(CONFIG.probe),
        settings=to_flags(CONFIG.lookup),
        code=code("lookup"),
    shell:
        "protsae lookup {params.properties} {params.probe} {params.settings}"
        " --proteins {input.proteins:q} --annotations {input.annotations:q}"
        ' --provenance {input.provenance:q} --output "$(dirname {output.lookup:q})"'
        " --threads {threads} > {log:q} 2>&1"


rule probe:
    input:
        layer_paths("<results>/probes/{model}/layer-{layer}/probes.parquet"),
