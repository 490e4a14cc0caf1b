import Tensors

/// Linear layers with a transfer function between them, from the encoder's width to the language model's.
struct Projector: Sendable {
    let layers: [Linear]
    let function: ActivationFunction

    /// x `[tokens, encoder's width]` -> `[tokens, language model's width]`.
    func callAsFunction(_ x: Matrix) -> Matrix {
        var y = x
        for (index, layer) in layers.enumerated() {
            if index > 0 { y.apply(function) }
            y = layer(y)
        }
        return y
    }
}

extension WeightLoader {
    /// Layers under `prefix` with the given names; `widths` are the sizes between them.
    func projector(
        _ prefix: String, names: [String], widths: [Int], function: ActivationFunction, bias: Bool = true
    ) -> Projector {
        Projector(
            layers: names.enumerated().map { index, name in
                linear(
                    "\(prefix)\(name)", from: widths[index], to: widths[index + 1], bias: bias, part: .vision)
            }, function: function)
    }
}
