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


rule sparse_probe:
    input:
        saes=expand(
            probed_layer_paths(
                "<results>/sae/{model}/layer-{layer}/{variant}/protsae.json"
            ),
            variant=sorted(CONFIG.train),
        ),
        weights=expand(
            probed_layer_paths(
                "<results>/sae/{model}/layer-{layer}/{variant}/sae_weights.safetensors"
            ),
            variant=sorted(CONFIG.train),
        ),
        codes=expand(
            probed_layer_paths(
                "<results>/codes/{model}/layer-{layer}/shard-{shard}.h5"
            ),
            shard=SHARDS,
        ),
        activations=expand(
            "<results>/activations/{model}/shard-{shard}.h5",
            model=[
                model_name(CONFIG),
                *([site_name(model_name(CONFIG), MLP_IN)] if CONFIG.mlp else []),
            ],
            shard=SHARDS,
        ),
        probes=probed_layer_paths(
            "<results>/probes/{model}/layer-{layer}/probes.parquet"
        ),
        proteins="<results>/proteins/proteins.parquet",
        annotations="<results>/proteins/annotations.parquet",
        labels=local_file("concepts.labels"),
    output:
        "<results>/sparse_probes.parquet",
    log:
        "<results>/logs/sparse_probe.log",
    conda:
        "../envs/protsae.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=480,
    params:
        concepts=to_flags(CONFIG.concepts),
        settings=to_flags(CONFIG.sparse_probe),
        model=CONFIG.embed.model,
        code=code("sparse-probe"),
    shell:
        'protsae sparse-probe {params.settings} --results "$(dirname {output:q})"'
        ' --model {params.model:q} --output "$(dirname {output:q})" --threads {threads} > {log:q} 2>&1'


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
    priority: 5
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
