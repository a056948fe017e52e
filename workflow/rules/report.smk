# The tables of the whole run, and the page that shows them.


rule tables:
    input:
        proteins="<results>/proteins/proteins.parquet",
        annotations=layer_paths(
            "<results>/annotation/{model}/layer-{layer}/features.parquet"
        ),
        associations=layer_paths(
            "<results>/annotation/{model}/layer-{layer}/associations.parquet"
        ),
        evaluations=sae_paths(
            "<results>/sae/{model}/layer-{layer}/{variant}/evaluation.json"
        ),
        stability=expand(
            layer_paths(
                "<results>/sae/{model}/layer-{layer}/{variant}/stability.parquet"
            ),
            variant=several_seeds(CONFIG),
        ),
        effects=effect_paths("<results>/effects/{model}/layer-{layer}/effects.parquet"),
        probes=layer_paths("<results>/probes/{model}/layer-{layer}/probes.parquet"),
        references="<results>/references.parquet",
        rules="<results>/rules.parquet",
        rule_counts="<results>/rule_counts.parquet",
    output:
        features="<results>/features.parquet",
        features_text="<results>/features.tsv",
        best_features="<results>/best_features.parquet",
        best_features_text="<results>/best_features.tsv",
        associations="<results>/associations.parquet",
        detectors="<results>/detectors.tsv",
        summary="<results>/summary.tsv",
    log:
        "<results>/logs/tables.log",
    conda:
        "../envs/protsae.yaml"
    threads: 1
    resources:
        mem_mb=8000,
        runtime=60,
    params:
        annotations=lambda wildcards, input: folders(input.annotations),
        stability=lambda wildcards, input: (
            ["--stability", *input.stability] * bool(input.stability)
        ),
        effects=lambda wildcards, input: (
            ["--effects", *input.effects] * bool(input.effects)
        ),
        code=code("tables"),
    shell:
        "protsae tables --proteins {input.proteins:q}"
        " --annotations {params.annotations:q}"
        " --evaluations {input.evaluations:q} {params.stability:q} {params.effects:q} --probes {input.probes:q}"
        " --references {input.references:q} --rules {input.rules:q} --rule-counts {input.rule_counts:q}"
        ' --output "$(dirname {output.features:q})" > {log:q} 2>&1'


rule neighbours:
    input:
        saes=sae_paths("<results>/sae/{model}/layer-{layer}/{variant}/protsae.json"),
        weights=sae_paths(
            "<results>/sae/{model}/layer-{layer}/{variant}/sae_weights.safetensors"
        ),
        codes=expand(
            layer_paths("<results>/codes/{model}/layer-{layer}/shard-{shard}.h5"),
            shard=SHARDS,
        ),
        proteins="<results>/proteins/proteins.parquet",
        annotations="<results>/proteins/annotations.parquet",
        features=layer_paths(
            "<results>/annotation/{model}/layer-{layer}/features.parquet"
        ),
        associations=layer_paths(
            "<results>/annotation/{model}/layer-{layer}/associations.parquet"
        ),
        labels=local_file("concepts.labels"),
    output:
        neighbours="<results>/neighbours/neighbours.parquet",
        map="<results>/neighbours/map.parquet",
        communities="<results>/neighbours/communities.parquet",
        matches="<results>/neighbours/matches.parquet",
        absorption="<results>/neighbours/absorption.parquet",
        graph="<results>/neighbours/matches.json",
        graphml="<results>/neighbours/matches.graphml",
    log:
        "<results>/logs/neighbours.log",
    priority: 4
    conda:
        "../envs/protsae.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=240,
    params:
        settings=to_flags(CONFIG.neighbours),
        results=lambda wildcards, output: Path(output.neighbours).parents[1],
        code=code("neighbours"),
    shell:
        "protsae neighbours {params.settings} --results {params.results:q}"
        ' --output "$(dirname {output.neighbours:q})" --threads {threads} > {log:q} 2>&1'


rule report:
    input:
        "<results>/features.parquet",
        "<results>/best_features.parquet",
        "<results>/summary.tsv",
        "<results>/proteins/proteins.parquet",
        "<results>/proteins/annotations.parquet",
        "<results>/proteins/provenance.json",
        "<results>/neighbours/map.parquet",
        expand(
            layer_paths("<results>/annotation/{model}/layer-{layer}/{table}.parquet"),
            table=[
                "examples",
                "logos",
                "detectors",
                "candidates",
                "recovery",
                "reliability",
            ],
        ),
        layer_paths("<results>/probes/{model}/layer-{layer}/probes.parquet"),
        sae_paths("<results>/sae/{model}/layer-{layer}/{variant}/evaluation.json"),
        sae_paths("<results>/sae/{model}/layer-{layer}/{variant}/training.parquet"),
        labels=local_file("concepts.labels"),
    output:
        "<results>/report.html",
    log:
        "<results>/logs/report.log",
    conda:
        "../envs/protsae.yaml"
    threads: 1
    resources:
        mem_mb=8000,
        runtime=60,
    params:
        settings=to_flags(CONFIG.report),
        labels=lambda wildcards, input: ["--labels", *input.labels] * bool(input.labels),
        code=code("report"),
    shell:
        "protsae report {params.settings} {params.labels:q}"
        ' --results "$(dirname {output:q})" --output {output:q} > {log:q} 2>&1'


rule scaling:
    input:
        sae_paths("<results>/sae/{model}/layer-{layer}/{variant}/evaluation.json"),
    output:
        pareto="<results>/scaling/pareto.png",
        figure="<results>/scaling/scaling.png",
        table="<results>/scaling/scaling.tsv",
    log:
        "<results>/logs/scaling.log",
    conda:
        "../envs/protsae.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        code=code("scaling"),
    shell:
        'protsae scaling --evaluations {input:q} --output "$(dirname {output.table:q})" > {log:q} 2>&1'
