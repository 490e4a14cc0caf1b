import Foundation
import Testing

@testable import Tensors

extension KernelTests {
    @Suite struct FeatureMapTests {
        @Test func convolutionMatchesTheReference() {
            var generator = SeededGenerator(seed: 51)
            for (height, width, inputs, outputs, kernel, stride, before, after) in [
                (7, 9, 3, 5, 3, 2, 1, 1), (8, 8, 4, 6, 3, 1, 1, 1), (6, 5, 8, 7, 1, 1, 0, 0), (8, 9, 2, 3, 3, 2, 0, 1),
                (28, 28, 3, 9, 14, 14, 0, 0), (70, 70, 64, 4, 3, 1, 1, 1),
            ] {
                let x = generator.normal(inputs * height * width)
                let w = generator.normal(outputs * inputs * kernel * kernel)
                let bias = generator.normal(outputs)
                let outHeight = (height + before + after - kernel) / stride + 1
                let outWidth = (width + before + after - kernel) / stride + 1
                var expected: [Double] = []
                for o in 0..<outputs {
                    for y in 0..<outHeight {
                        for z in 0..<outWidth {
                            var sum = Double(bias[o])
                            for i in 0..<inputs {
                                for ky in 0..<kernel {
                                    for kx in 0..<kernel {
                                        let iy = y * stride - before + ky
                                        let ix = z * stride - before + kx
                                        guard iy >= 0, iy < height, ix >= 0, ix < width else { continue }
                                        sum +=
                                            Double(x[(i * height + iy) * width + ix])
                                            * Double(w[((o * inputs + i) * kernel + ky) * kernel + kx])
                                    }
                                }
                            }
                            expected.append(sum)
                        }
                    }
                }
                let layer = Convolution(
                    weight: w, bias: bias, outChannels: outputs, inChannels: inputs, kernelHeight: kernel,
                    kernelWidth: kernel,
                    stride: stride, padding: (before, after))
                forEachLevel { level in
                    let y = layer(FeatureMap(planes: x, channels: inputs, height: height, width: width))
                    #expect(y.height == outHeight && y.width == outWidth)
                    #expect(
                        relativeError(y.planes, expected) < 3e-6,
                        "\(level), \(height) x \(width), kernel \(kernel), seed 51")
                }
            }
        }

        @Test func groupsAreNormalisedOverAllPixels() {
            var generator = SeededGenerator(seed: 52)
            let (height, width, channels, groups) = (40, 30, 12, 3)
            let x = generator.normal(channels * height * width, scale: 3).map { $0 + 1 }
            let w = generator.normal(channels)
            let b = generator.normal(channels)
            let plane = height * width
            let size = channels / groups
            var expected = x.map(Double.init)
            for g in 0..<groups {
                let range = (g * size * plane)..<((g + 1) * size * plane)
                let mean = range.map { Double(x[$0]) }.reduce(0, +) / Double(range.count)
                let variance = range.map { pow(Double(x[$0]) - mean, 2) }.reduce(0, +) / Double(range.count)
                for i in range {
                    expected[i] =
                        (Double(x[i]) - mean) / (variance + 1e-6).squareRoot() * Double(w[i / plane])
                        + Double(b[i / plane])
                }
            }
            forEachLevel { level in
                let norm = GroupNorm(groups: groups, weight: w, bias: b, epsilon: 1e-6)
                let y = norm(FeatureMap(planes: x, channels: channels, height: height, width: width))
                #expect(relativeError(y.planes, expected) < 2e-6, "\(level), seed 52")
            }
        }

        @Test func upsamplingRepeatsOrInterpolates() {
            let x = FeatureMap(planes: [1, 2, 3, 4], channels: 1, height: 2, width: 2)
            #expect(x.upsampledNearest(by: 2).planes == [1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4])
            // torch.nn.functional.interpolate(…, size=(4, 3), mode="bilinear", align_corners=False)
            let resized = x.resizedBilinear(height: 4, width: 3).planes
            let expected: [Double] = [1, 1.5, 2, 1.5, 2, 2.5, 2.5, 3, 3.5, 3, 3.5, 4]
            #expect(relativeError(resized, expected) < 1e-6)
        }
    }
}
