import Foundation

/// The several ways in which releases of transformers spelt the same tensors, brought to one.
///
/// Canonical: `vision_tower.*` (without `vision_model.`), `multi_modal_projector.*`, `image_newline`,
/// `language_model.model.*`, `language_model.lm_head.*`.
enum CanonicalNames {
    static func canonical(_ name: String) -> String {
        var name = name
        if name.hasPrefix("lm_head.") { return "language_model." + name }
        if let rest = name.dropping(prefix: "model.language_model.") {
            name = "language_model.model." + rest
        } else if let rest = name.dropping(prefix: "model."),
            ["vision_tower.", "multi_modal_projector.", "image_newline"].contains(where: { rest.hasPrefix($0) })
        {
            name = rest
        }
        if let rest = name.dropping(prefix: "vision_tower.vision_model.") { name = "vision_tower." + rest }
        if name.hasPrefix("vision_tower.stem.") {
            // The trainer's modules hold each convolution of the reference model's stem in one of their own.
            for part in ["conv", "conv1", "conv2"] {
                if let range = name.range(of: ".\(part).conv.") { name.replaceSubrange(range, with: ".\(part).") }
            }
        }
        guard name.hasPrefix("vision_tower.encoder.layer.") else { return name }
        // DINOv2's attention has other names since transformers 5.
        for (new, published) in [
            (".attention.q_proj.", ".attention.attention.query."), (".attention.k_proj.", ".attention.attention.key."),
            (".attention.v_proj.", ".attention.attention.value."), (".attention.o_proj.", ".attention.output.dense."),
        ] {
            if let range = name.range(of: new) { name.replaceSubrange(range, with: published) }
        }
        return name
    }

    /// Renames all tensors.
    ///
    /// - Throws: ``CheckpointError/badIndex(file:reason:)`` where two spellings of one tensor are present.
    static func rename(_ tensors: [String: StoredTensor], file: String) throws -> [String: StoredTensor] {
        var result: [String: StoredTensor] = [:]
        for (name, tensor) in tensors.sorted(by: { $0.key < $1.key })
        where result.updateValue(tensor, forKey: canonical(name)) != nil {
            throw CheckpointError.badIndex(file: file, reason: "\(name) is there in two spellings")
        }
        return result
    }
}

extension String {
    /// What follows a prefix, or nil without it.
    func dropping(prefix: String) -> String? {
        hasPrefix(prefix) ? String(dropFirst(prefix.count)) : nil
    }
}
