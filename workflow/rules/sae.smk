# One sparse autoencoder per model, layer and variant, and its evaluation.


rule train_sae:
    input:
        proteins="<results>/proteins/proteins.parquet",
        activations=expand(
            "<results>/activations/{{model}}/shard-{shard}.h5", shard=SHARDS
        ),
    output:
        cfg="<results>/sae/{model}/layer-{layer}/{variant}/cfg.json",
        weights="<results>/sae/{model}/layer-{layer}/{variant}/sae_weights.safetensors",
        provenance="<results>/sae/{model}/layer-{layer}/{variant}/protsae.json",
        curve="<results>/sae/{model}/layer-{layer}/{variant}/training.parquet",
    log:
        "<results>/logs/train/{model}/layer-{layer}/{variant}.log",
    benchmark:
        "<results>/benchmarks/train/{model}/layer-{layer}/{variant}.tsv"
    conda:
        "../envs/protsae.yaml"
    threads: 1
    resources:
        # The buffer's rows, float16 of 1,280 columns; the rest is the SAE and one batch.
        mem_mb=lambda wildcards, attempt: (
            (4000 + CONFIG.train[wildcards.variant].buffer * 2560 // 10**6) * attempt
        ),
        runtime=1440,
        gpu=lambda wildcards: int(CONFIG.train[wildcards.variant].device == "cuda"),
    params:
        settings=lambda wildcards: to_flags(CONFIG.train[wildcards.variant]),
        code=code("train"),
    shell:
        "protsae train {params.settings} --activations {input.activations}"
        " --layer $((10#{wildcards.layer})) --proteins {input.proteins}"
        " --output $(dirname {output.cfg}) --threads {threads} > {log} 2>&1"


rule evaluate_sae:
    input:
        sae="<results>/sae/{model}/layer-{layer}/{variant}/protsae.json",
        weights="<results>/sae/{model}/layer-{layer}/{variant}/sae_weights.safetensors",
        proteins="<results>/proteins/proteins.parquet",
        activations=expand(
            "<results>/activations/{{model}}/shard-{shard}.h5", shard=SHARDS
        ),
        model=local_file("embed.model"),
    output:
        "<results>/sae/{model}/layer-{layer}/{variant}/evaluation.json",
    log:
        "<results>/logs/evaluate/{model}/layer-{layer}/{variant}.log",
    benchmark:
        "<results>/benchmarks/evaluate/{model}/layer-{layer}/{variant}.tsv"
    conda:
        "../envs/protsae.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=240,
        gpu=int(CONFIG.embed.device == "cuda"),
    params:
        settings=to_flags(CONFIG.evaluate),
        # One-hot sequences have no model to splice the SAE into.
        splice=lambda wildcards: (
            f"--model {CONFIG.embed.model} --device {CONFIG.embed.device}"
            if wildcards.model != "onehot"
            else ""
        ),
        code=code("evaluate"),
    shell:
        "protsae evaluate {params.settings} {params.splice} --sae $(dirname {input.sae})"
        " --activations {input.activations} --proteins {input.proteins}"
        " --threads {threads} > {log} 2>&1"


rule train:
    input:
        sae_paths("<results>/sae/{model}/layer-{layer}/{variant}/protsae.json"),


rule evaluate:
    input:
        sae_paths("<results>/sae/{model}/layer-{layer}/{variant}/evaluation.json"),
