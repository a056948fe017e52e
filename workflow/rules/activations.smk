# The activation cache: one job per shard writes every layer of it.


rule onehot_shard:
    input:
        proteins="<results>/proteins/proteins.parquet",
    output:
        "<results>/activations/onehot/shard-{shard}.h5",
    log:
        "<results>/logs/onehot/shard-{shard}.log",
    conda:
        "../envs/protsae.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        shards=CONFIG.cache.shards,
        compression=CONFIG.cache.compression,
        code=code("onehot"),
    shell:
        "protsae onehot --proteins {input.proteins:q} --shard $((10#{wildcards.shard}))"
        " --shards {params.shards} --compression {params.compression}"
        " --output {output:q} > {log:q} 2>&1"


rule randomise:
    input:
        local_file("embed.model"),
    output:
        weights="<results>/models/{model}-permuted.pt",
        regression="<results>/models/{model}-permuted-contact-regression.pt",
    log:
        "<results>/logs/randomise/{model}.log",
    conda:
        "../envs/protsae.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=60,
    params:
        model=lambda wildcards: CONFIG.embed.model,
        code=code("randomise"),
    shell:
        "protsae randomise --model {params.model:q} --output {output.weights:q} > {log:q} 2>&1"


rule embed_shard:
    input:
        proteins="<results>/proteins/proteins.parquet",
        weights=weights_file,
    output:
        shard="<results>/activations/{model}/shard-{shard}.h5",
        inside=[
            f"<results>/activations/{site_name('{model}', site)}/shard-{{shard}}.h5"
            for site in INSIDE
        ],
    log:
        "<results>/logs/embed/{model}/shard-{shard}.log",
    wildcard_constraints:
        model=f"{re.escape(ESM)}(-permuted)?",
    priority: 6
    conda:
        "../envs/protsae.yaml"
    threads: 4
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=720,
        gpu=int(CONFIG.embed.device == "cuda"),
    params:
        shards=CONFIG.cache.shards,
        compression=CONFIG.cache.compression,
        settings=lambda wildcards: to_flags(embed_settings(wildcards.model)),
        inside=lambda wildcards, output: inside_flag(output.inside),
        code=code("embed"),
    shell:
        "protsae embed {params.settings} --proteins {input.proteins:q}"
        " --shard $((10#{wildcards.shard})) --shards {params.shards}"
        " --compression {params.compression} --output {output.shard:q} {params.inside:q}"
        " --threads {threads} > {log:q} 2>&1"


# The further proteins that SAEs train on: the same, from their own table into a folder of their own.
use rule onehot_shard as onehot_further_shard with:
    input:
        proteins="<results>/proteins/further.parquet",
    output:
        "<results>/activations/onehot/further/shard-{shard}.h5",
    log:
        "<results>/logs/onehot/further/shard-{shard}.log",


use rule embed_shard as embed_further_shard with:
    input:
        proteins="<results>/proteins/further.parquet",
        weights=weights_file,
    output:
        shard="<results>/activations/{model}/further/shard-{shard}.h5",
        inside=[
            f"<results>/activations/{site_name('{model}', site)}/further/shard-{{shard}}.h5"
            for site in SITES
        ],
    log:
        "<results>/logs/embed/{model}/further/shard-{shard}.log",


rule onehot:
    input:
        expand("<results>/activations/onehot/shard-{shard}.h5", shard=SHARDS),
        expand(
            "<results>/activations/onehot/further/shard-{shard}.h5",
            shard=FURTHER_SHARDS,
        ),


rule embed:
    input:
        expand(
            "<results>/activations/{model}/shard-{shard}.h5",
            model=sorted({model for model, _ in LAYERS} - {ONEHOT}),
            shard=SHARDS,
        ),
        expand(
            "<results>/activations/{model}/further/shard-{shard}.h5",
            model=sorted({model for model, _ in LAYERS} - {ONEHOT}),
            shard=FURTHER_SHARDS,
        ),
