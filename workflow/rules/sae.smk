# The sparse autoencoders of each model and layer, trained in one pass, and their evaluation.


rule train_saes:
    input:
        proteins="<results>/proteins/proteins.parquet",
        activations=expand(
            "<results>/activations/{{model}}/shard-{shard}.h5", shard=SHARDS
        ),
        further=FURTHER,
        further_activations=expand(
            "<results>/activations/{{model}}/further/shard-{shard}.h5",
            shard=FURTHER_SHARDS,
        ),
        model=lambda wildcards: weights_file(wildcards) if END_TO_END else [],
    output:
        expand(
            "<results>/sae/{{model}}/layer-{{layer}}/{sae}/{file}",
            sae=sorted(with_other_seeds(CONFIG.train)),
            file=[
                "cfg.json",
                "sae_weights.safetensors",
                "protsae.json",
                "training.parquet",
            ],
        ),
    log:
        "<results>/logs/train/{model}/layer-{layer}.log",
    priority: 1
    conda:
        "../envs/protsae.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: (
            training_megabytes(CONFIG, wildcards.model) * attempt
        ),
        runtime=1440,
        gpu=int(CONFIG.trainer.device == "cuda"),
    params:
        trainer=to_flags(CONFIG.trainer),
        saes=variants_flag(CONFIG.train),
        model=lambda wildcards: (
            f"--model {quote(embed_settings(wildcards.model).model)}"
            if END_TO_END
            else ""
        ),
        further=lambda wildcards, input: (
            [
                *("--further-proteins", *input.further),
                *("--further-activations", *input.further_activations),
            ]
            if input.further
            else []
        ),
        folder=lambda wildcards, output: Path(output[0]).parents[1],
        # Without end-to-end SAEs no model runs.
        code=code("train", unused=None if END_TO_END else "protsae.plm"),
    shell:
        "protsae train {params.saes} {params.trainer} {params.model} --activations {input.activations:q}"
        " {params.further:q} --layer $((10#{wildcards.layer})) --proteins {input.proteins:q}"
        " --output {params.folder:q} --threads {threads} > {log:q} 2>&1"


rule evaluate_saes:
    input:
        saes=expand(
            "<results>/sae/{{model}}/layer-{{layer}}/{variant}/protsae.json",
            variant=sorted(CONFIG.train),
        ),
        weights=expand(
            "<results>/sae/{{model}}/layer-{{layer}}/{variant}/sae_weights.safetensors",
            variant=sorted(CONFIG.train),
        ),
        other_seeds=expand(
            "<results>/sae/{{model}}/layer-{{layer}}/{sae}/{file}",
            sae=sorted(with_other_seeds(CONFIG.train).keys() - CONFIG.train.keys()),
            file=["protsae.json", "sae_weights.safetensors"],
        ),
        proteins="<results>/proteins/proteins.parquet",
        activations=expand(
            "<results>/activations/{{model}}/shard-{shard}.h5", shard=SHARDS
        ),
        model=weights_file,
    output:
        expand(
            "<results>/sae/{{model}}/layer-{{layer}}/{variant}/evaluation.json",
            variant=sorted(CONFIG.train),
        ),
        expand(
            "<results>/sae/{{model}}/layer-{{layer}}/{variant}/stability.parquet",
            variant=several_seeds(CONFIG),
        ),
    log:
        "<results>/logs/evaluate/{model}/layer-{layer}.log",
    conda:
        "../envs/protsae.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=480,
        gpu=int(CONFIG.embed.device == "cuda"),
    params:
        saes=lambda wildcards, input: folders(input.saes),
        settings=to_flags(CONFIG.evaluate),
        # One-hot sequences have no model to splice the SAE into.
        splice=lambda wildcards: (
            f"--model {quote(embed_settings(wildcards.model).model)} --device {CONFIG.embed.device}"
            if wildcards.model != ONEHOT
            else ""
        ),
        code=code("evaluate"),
    shell:
        "protsae evaluate {params.settings} {params.splice} --sae {params.saes:q}"
        " --activations {input.activations:q} --proteins {input.proteins:q}"
        " --threads {threads} > {log:q} 2>&1"


rule measure_effects:
    input:
        saes=expand(
            "<results>/sae/{{model}}/layer-{{layer}}/{variant}/protsae.json",
            variant=effect_saes(CONFIG),
        ),
        weights=expand(
            "<results>/sae/{{model}}/layer-{{layer}}/{variant}/sae_weights.safetensors",
            variant=effect_saes(CONFIG),
        ),
        proteins="<results>/proteins/proteins.parquet",
        activations=expand(
            "<results>/activations/{{model}}/shard-{shard}.h5", shard=SHARDS
        ),
        model=weights_file,
        features="<results>/annotation/{model}/layer-{layer}/features.parquet",
        annotations="<results>/proteins/annotations.parquet",
        labels=local_file("concepts.labels"),
    output:
        "<results>/effects/{model}/layer-{layer}/effects.parquet",
    log:
        "<results>/logs/effects/{model}/layer-{layer}.log",
    priority: 4
    conda:
        "../envs/protsae.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=480,
        gpu=int(CONFIG.embed.device == "cuda"),
    params:
        saes=lambda wildcards, input: folders(input.saes),
        concepts=to_flags(CONFIG.concepts),
        settings=to_flags(CONFIG.effects),
        model=lambda wildcards: embed_settings(wildcards.model).model,
        device=CONFIG.embed.device,
        code=code("effects"),
    shell:
        "protsae effects {params.concepts} {params.settings} --device {params.device} --sae {params.saes:q}"
        " --model {params.model:q} --activations {input.activations:q} --proteins {input.proteins:q}"
        " --features {input.features:q} --annotations {input.annotations:q}"
        ' --output "$(dirname {output:q})" --threads {threads} > {log:q} 2>&1'


rule train:
    input:
        sae_paths("<results>/sae/{model}/layer-{layer}/{variant}/protsae.json"),


rule evaluate:
    input:
        sae_paths("<results>/sae/{model}/layer-{layer}/{variant}/evaluation.json"),


rule effects:
    input:
        effect_paths("<results>/effects/{model}/layer-{layer}/effects.parquet"),
