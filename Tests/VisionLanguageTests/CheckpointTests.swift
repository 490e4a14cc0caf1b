import Foundation
import Tensors
import TestSupport
import Testing

@testable import VisionLanguage

@Suite struct CheckpointTests {
    /// A copy of a fixture whose tensors `change` may alter.
    private func altered(
        _ name: String, _ change: (inout [(SafetensorsWriter.Entry, [UInt8])]) -> Void
    ) throws -> ScratchDirectory {
        let scratch = try ScratchDirectory()
        let source = Fixture.url("models/\(name)")
        for file in try FileManager.default.contentsOfDirectory(at: source, includingPropertiesForKeys: nil)
        where !file.lastPathComponent.contains("safetensors") {
            try FileManager.default.copyItem(
                at: file, to: scratch.url.appendingPathComponent(file.lastPathComponent))
        }
        var tensors = try CheckpointDirectory(url: source).tensors.values.sorted { $0.name < $1.name }.map { tensor in
            (
                SafetensorsWriter.Entry(name: tensor.name, element: tensor.element, shape: tensor.shape),
                try tensor.withBytes { Array($0) }
            )
        }
        change(&tensors)
        let writer = try SafetensorsWriter(
            url: scratch.url.appendingPathComponent("model.safetensors"), layout: tensors.map(\.0))
        for (_, bytes) in tensors { try bytes.withUnsafeBytes { try writer.write($0) } }
        try writer.finish()
        return scratch
    }

    @Test func missingExtraAndMisshapenTensorsAreAllNamedInOneError() throws {
        let scratch = try altered("llava") { tensors in
            tensors.removeAll { $0.0.name == "language_model.model.layers.1.mlp.up_proj.weight" }
            tensors.removeAll { $0.0.name == "vision_tower.encoder.layers.0.self_attn.q_proj.bias" }
            tensors.append(
                (.init(name: "language_model.model.layers.9.extra", element: .float32, shape: [1]), [0, 0, 0, 0]))
            for index in tensors.indices where tensors[index].0.name == "multi_modal_projector.linear_1.bias" {
                tensors[index].0.shape = [16]
                tensors[index].1.removeLast(tensors[index].1.count / 2)
            }
        }
        let error = #expect(throws: CheckpointError.self) {
            try VisionLanguageModel.load(directory: scratch.url)
        }
        #expect(
            error
                == .tensorMismatch(
                    architecture: "llava",
                    missing: [
                        "language_model.model.layers.1.mlp.up_proj.weight",
                        "vision_tower.encoder.layers.0.self_attn.q_proj.bias",
                    ], unexpected: ["language_model.model.layers.9.extra"],
                    misshapen: ["multi_modal_projector.linear_1.bias is [16], expected [32]"]))
    }

    @Test(arguments: ["llava", "onevision", "gemma3", "llava-rad", "maira2", "reference"])
    func anyOneMissingTensorIsNamed(_ name: String) throws {
        let names = try CheckpointDirectory(url: Fixture.url("models/\(name)")).tensors.keys.sorted()
        // Used by the published files only, not by the features this family takes.
        let optional = ["post_layernorm", "mask_token", "vision_tower.norm", "layers.2.", "blocks.2."]
        // Every third name: the layers repeat each other.
        for missing in stride(from: 0, to: names.count, by: 3).map({ names[$0] }).filter({ name in
            !optional.contains { name.contains($0) } || name.contains("language")
        }) {
            if name == "gemma3" || name == "reference", missing.contains("post_layernorm") { continue }
            let scratch = try altered(name) { $0.removeAll { $0.0.name == missing } }
            let error = #expect(throws: CheckpointError.self, "\(missing)") {
                try VisionLanguageModel.load(directory: scratch.url)
            }
            guard case .tensorMismatch(_, let found, let extra, let misshapen) = error else {
                Issue.record("\(missing): \(error?.description ?? "")")
                continue
            }
            #expect(found == [CanonicalNames.canonical(missing)])
            #expect(extra.isEmpty && misshapen.isEmpty)
        }
    }

    @Test(arguments: [
        ("model.language_model.layers.0.mlp.up_proj.weight", "language_model.model.layers.0.mlp.up_proj.weight"),
        ("language_model.model.norm.weight", "language_model.model.norm.weight"),
        ("lm_head.weight", "language_model.lm_head.weight"), ("model.image_newline", "image_newline"),
        ("model.vision_tower.vision_model.pre_layrnorm.bias", "vision_tower.pre_layrnorm.bias"),
        ("vision_tower.vision_model.pre_layrnorm.bias", "vision_tower.pre_layrnorm.bias"),
        ("model.multi_modal_projector.linear_1.bias", "multi_modal_projector.linear_1.bias"),
        ("vision_tower.stem.1.blocks.0.conv2.conv.bias", "vision_tower.stem.1.blocks.0.conv2.bias"),
        ("vision_tower.stem.1.conv.conv.weight", "vision_tower.stem.1.conv.weight"),
        ("vision_tower.stem.1.conv.weight", "vision_tower.stem.1.conv.weight"),
        (
            "vision_tower.encoder.layer.3.attention.q_proj.bias",
            "vision_tower.encoder.layer.3.attention.attention.query.bias"
        ),
    ])
    func oldAndNewNamesAreTheSame(_ name: String, _ canonical: String) {
        #expect(CanonicalNames.canonical(name) == canonical)
    }

    @Test func unknownFamiliesAndPartsAreNamed() throws {
        let scratch = try altered("llava") { _ in }
        let file = scratch.url.appendingPathComponent("config.json")
        let text = try String(contentsOf: file, encoding: .utf8)
        for (old, new, message) in [
            (#""model_type": "llava""#, #""model_type": "whisper""#, "architecture whisper is unknown"),
            (#""model_type": "clip_vision_model""#, #""model_type": "swin""#, "the vision encoder swin"),
            (#""hidden_act": "silu""#, #""hidden_act": "mish""#, "the transfer function mish"),
            (#""rope_type": "default""#, #""rope_type": "yarn""#, "rope type yarn"),
            (#""vision_feature_layer": -2"#, #""vision_feature_layer": -9"#, "vision_feature_layer [-9]"),
            (#""vision_config": {"#, #""other": {"#, "vision_config is missing"),
            (#""num_hidden_layers": 3"#, #""num_hidden_layers": -3"#, "-3 is no size"),
        ] {
            #expect(text.contains(old), "\(old)")
            try text.replacingOccurrences(of: old, with: new).write(to: file, atomically: true, encoding: .utf8)
            let error = #expect(throws: CheckpointError.self) { try VisionLanguageModel.load(directory: scratch.url) }
            #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
        }
        try FileManager.default.removeItem(at: file)
        let error = #expect(throws: CheckpointError.self) { try VisionLanguageModel.load(directory: scratch.url) }
        #expect(error == .missingFile(file.path))
    }

    @Test func otherPeoplesQuantisationIsRefusedByName() throws {
        let scratch = try altered("llava") { _ in }
        let file = scratch.url.appendingPathComponent("config.json")
        let text = try String(contentsOf: file, encoding: .utf8)
        try text.replacingOccurrences(
            of: #""model_type": "llava""#,
            with: #""quantization_config": {"quant_method": "gptq"}, "model_type": "llava""#
        ).write(to: file, atomically: true, encoding: .utf8)
        let error = #expect(throws: CheckpointError.self) { try VisionLanguageModel.load(directory: scratch.url) }
        #expect(error?.description.contains("quantisation by gptq") == true)
    }

    @Test func aChangedByteIsFoundByTheManifest() throws {
        let scratch = try altered("reference") { _ in }
        let sheets = scratch.url.appendingPathComponent("sheets")
        try FileManager.default.createDirectory(at: sheets, withIntermediateDirectories: true)
        try Data([1]).write(to: sheets.appendingPathComponent("contact.png"))
        try ModelManifest.write(ModelManifest.digests(of: scratch.url), to: scratch.url)
        #expect(try ModelManifest.verify(scratch.url).contains("model.safetensors"))
        #expect(try ModelManifest.verify(scratch.url).contains("sheets/contact.png"))
        let file = scratch.url.appendingPathComponent("model.safetensors")
        var bytes = try Data(contentsOf: file)
        bytes[bytes.count - 100] ^= 1
        try bytes.write(to: file)
        let error = #expect(throws: CheckpointError.self) { try ModelManifest.verify(scratch.url) }
        guard case .digestMismatch(let name, _, _) = error else {
            Issue.record("\(error?.description ?? "")")
            return
        }
        #expect(name == "model.safetensors")
        try FileManager.default.removeItem(at: file)
        #expect(throws: CheckpointError.missingFile(file.path)) { try ModelManifest.verify(scratch.url) }
    }
}
