# The activation cache: one job per shard writes every layer of it.


rule onehot_shard:
    input:
        "<results>/proteins/proteins.parquet",
    output:
        "<results>/activations/onehot/shard-{shard}.h5",
    log:
        "<results>/logs/onehot/shard-{shard}.log",
    benchmark:
        "<results>/benchmarks/onehot/shard-{shard}.tsv"
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
        "protsae onehot --proteins {input} --shard $((10#{wildcards.shard}))"
        " --shards {params.shards} --compression {params.compression}"
        " --output {output} > {log} 2>&1"


rule embed_shard:
    input:
        proteins="<results>/proteins/proteins.parquet",
        weights=local_file("embed.model"),
    output:
        f"<results>/activations/{ESM}/shard-{{shard}}.h5",
    log:
        "<results>/logs/embed/shard-{shard}.log",
    benchmark:
        "<results>/benchmarks/embed/shard-{shard}.tsv"
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
        settings=to_flags(CONFIG.embed),
        code=code("embed"),
    shell:
        "protsae embed {params.settings} --proteins {input.proteins}"
        " --shard $((10#{wildcards.shard})) --shards {params.shards}"
        " --compression {params.compression} --output {output}"
        " --threads {threads} > {log} 2>&1"


rule onehot:
    input:
        expand("<results>/activations/onehot/shard-{shard}.h5", shard=SHARDS),


rule embed:
    input:
        expand(
            "<results>/activations/{model}/shard-{shard}.h5", model=ESM, shard=SHARDS
        ),
