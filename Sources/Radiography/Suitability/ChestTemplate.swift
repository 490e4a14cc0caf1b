/// The mean frontal chest radiograph on 16 x 16 cells, symmetric about the midline, mean 0 and standard deviation 1.
///
/// Made by `RadiographyBenchmark template` from the radiographs of patients with even numbers of the NIH ChestX-ray14
/// selection (NIH Clinical Center; Wang et al., CVPR 2017); those with odd numbers measure it.
package enum ChestTemplate {
    package static let side = 16

    /// The mean product with a standardised thumbnail.
    static func correlation(_ thumbnail: Thumbnail) -> Double {
        zip(cells, thumbnail.cells).reduce(0) { $0 + Double($1.0) * Double($1.1) } / Double(cells.count)
    }

    /// The template of many standardised thumbnails.
    package static func mean(of thumbnails: [Thumbnail]) -> [Float] {
        var sum = [Float](repeating: 0, count: side * side)
        for thumbnail in thumbnails {
            for row in 0..<side {
                for column in 0..<side {
                    let mirrored = row * side + side - 1 - column
                    sum[row * side + column] += thumbnail.cells[row * side + column] + thumbnail.cells[mirrored]
                }
            }
        }
        let mean = sum.reduce(0, +) / Float(sum.count)
        let variance = sum.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Float(sum.count)
        return sum.map { ($0 - mean) / variance.squareRoot() }
    }

    /// `[16, 16]`: the left half of each row, the right half being its mirror image.
    static let cells: [Float] = halves.flatMap { $0 + $0.reversed() }

    private static let halves: [[Float]] = [
        [-2.618, -2.495, -2.383, -2.240, -1.891, -1.134, -0.203, 0.372],
        [-1.956, -1.627, -1.443, -1.336, -1.157, -0.769, -0.181, 0.276],
        [-0.923, -0.526, -0.367, -0.403, -0.564, -0.647, -0.349, 0.136],
        [-0.166, 0.155, 0.188, -0.108, -0.589, -0.856, -0.565, 0.066],
        [0.184, 0.404, 0.347, -0.165, -0.862, -1.133, -0.689, 0.128],
        [0.255, 0.439, 0.363, -0.254, -0.993, -1.214, -0.633, 0.287],
        [0.150, 0.361, 0.317, -0.316, -0.990, -1.069, -0.378, 0.510],
        [-0.068, 0.222, 0.248, -0.327, -0.871, -0.782, -0.033, 0.759],
        [-0.308, 0.083, 0.194, -0.273, -0.630, -0.402, 0.313, 0.990],
        [-0.518, -0.029, 0.161, -0.141, -0.284, 0.021, 0.638, 1.196],
        [-0.714, -0.153, 0.161, 0.089, 0.147, 0.461, 0.948, 1.373],
        [-0.917, -0.280, 0.225, 0.416, 0.608, 0.890, 1.245, 1.542],
        [-1.127, -0.389, 0.319, 0.728, 1.016, 1.265, 1.505, 1.702],
        [-1.328, -0.484, 0.404, 0.968, 1.312, 1.535, 1.705, 1.842],
        [-1.461, -0.540, 0.480, 1.132, 1.505, 1.716, 1.854, 1.957],
        [-1.424, -0.443, 0.617, 1.274, 1.627, 1.825, 1.941, 2.020],
    ]
}
