# What each feature of a layer detects: all variants of the layer, beside its coordinates.

# Written on request only; declared then, so that it is cleaned with the rest.
INTERPLM = (
    ["<results>/annotation/{model}/layer-{layer}/interplm.parquet"]
    if CONFIG.annotate.interplm
    else []
)


rule encode_shard:
    input:
        saes=expand(
            "<results>/sae/{{model}}/layer-{{layer}}/{variant}/protsae.json",
            variant=sorted(CONFIG.train),
        ),
        weights=expand(
            "<results>/sae/{{model}}/layer-{{layer}}/{variant}/sae_weights.safetensors",
            variant=sorted(CONFIG.train),
        ),
        proteins="<results>/proteins/proteins.parquet",
        activations="<results>/activations/{model}/shard-{shard}.h5",
    output:
        "<results>/codes/{model}/layer-{layer}/shard-{shard}.h5",
    log:
        "<results>/logs/encode/{model}/layer-{layer}/shard-{shard}.log",
    priority: 2
    conda:
        "../envs/protsae.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=480,
    params:
        saes=lambda wildcards, input: folders(input.saes),
        code=code("encode"),
    shell:
        "protsae encode --sae {params.saes:q} --activations {input.activations:q}"
        " --proteins {input.proteins:q} --output {output:q} --threads {threads} > {log:q} 2>&1"


rule annotate_layer:
    input:
        saes=expand(
            "<results>/sae/{{model}}/layer-{{layer}}/{variant}/protsae.json",
            variant=sorted(CONFIG.train),
        ),
        weights=expand(
            "<results>/sae/{{model}}/layer-{{layer}}/{variant}/sae_weights.safetensors",
            variant=sorted(CONFIG.train),
        ),
        proteins="<results>/proteins/proteins.parquet",
        annotations="<results>/proteins/annotations.parquet",
        labels=local_file("concepts.labels"),
        reference_rates=local_file("annotate.reference_rates"),
        activations=expand(
            "<results>/activations/{{model}}/shard-{shard}.h5", shard=SHARDS
        ),
        codes=expand(
            "<results>/codes/{{model}}/layer-{{layer}}/shard-{shard}.h5", shard=SHARDS
        ),
        mlp_inputs=neuron_files,
        model=lambda wildcards: (
            weights_file(wildcards) if neuron_files(wildcards) else []
        ),
    output:
        *INTERPLM,
        features="<results>/annotation/{model}/layer-{layer}/features.parquet",
        descriptions="<results>/annotation/{model}/layer-{layer}/descriptions.parquet",
        associations="<results>/annotation/{model}/layer-{layer}/associations.parquet",
        examples="<results>/annotation/{model}/layer-{layer}/examples.parquet",
        logos="<results>/annotation/{model}/layer-{layer}/logos.parquet",
        detectors="<results>/annotation/{model}/layer-{layer}/detectors.parquet",
        cluster_counts="<results>/annotation/{model}/layer-{layer}/cluster_counts.parquet",
        candidates="<results>/annotation/{model}/layer-{layer}/candidates.parquet",
        recovery="<results>/annotation/{model}/layer-{layer}/recovery.parquet",
        reliability="<results>/annotation/{model}/layer-{layer}/reliability.parquet",
        calibration="<results>/annotation/{model}/layer-{layer}/calibration.parquet",
    log:
        "<results>/logs/annotate/{model}/layer-{layer}.log",
    priority: 3
    conda:
        "../envs/protsae.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=480,
    params:
        saes=lambda wildcards, input: folders(input.saes),
        concepts=to_flags(CONFIG.concepts),
        settings=to_flags(CONFIG.annotate),
        neurons=lambda wildcards, input: (
            [
                *("--mlp-inputs", *input.mlp_inputs),
                *("--model", embed_settings(wildcards.model).model),
            ]
            if input.mlp_inputs
            else []
        ),
        # Without neurons no model is read.
        code=code("annotate", unused=None if CONFIG.mlp else "protsae.plm"),
    shell:
        "protsae annotate {params.concepts} {params.settings} --sae {params.saes:q}"
        " --codes {input.codes:q} --activations {input.activations:q} --proteins {input.proteins:q}"
        ' --annotations {input.annotations:q} {params.neurons:q} --output "$(dirname {output.features:q})"'
        " --threads {threads} > {log:q} 2>&1"


rule annotate:
    input:
        layer_paths("<results>/annotation/{model}/layer-{layer}/features.parquet"),


rule encode:
    input:
        expand(
            layer_paths("<results>/codes/{model}/layer-{layer}/shard-{shard}.h5"),
            shard=SHARDS,
        ),
