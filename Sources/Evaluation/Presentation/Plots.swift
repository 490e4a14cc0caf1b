import Foundation

/// Plots as inline SVG. Lines differ in dash pattern as well as in colour, so that they can be told apart in print and by
/// colour-blind readers (colours: Okabe and Ito).
enum Plot {
    private static let colours = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9"]
    private static let dashes = ["", "6 3", "2 2", "8 3 2 3"]

    struct Curve {
        let name: String
        let points: [(x: Double, y: Double)]
        /// Drawn as dots of these sizes as well, 0...1.
        var weights: [Double] = []
    }

    /// Curves in the unit square with a diagonal.
    static func unitSquare(_ curves: [Curve], x: String, y: String, title: String) -> String {
        let left = 46.0
        let top = 12.0
        let side = 250.0
        func place(_ point: (x: Double, y: Double)) -> String {
            "\(format(left + point.x * side)),\(format(top + (1 - point.y) * side))"
        }
        let legendTop = top + side + 46
        let height = legendTop + Double(curves.count) * 16 + 4
        var svg = start(width: 320, height: height, title)
        for step in 0...5 {
            let value = Double(step) / 5
            let px = format(left + value * side)
            let py = format(top + (1 - value) * side)
            svg += "<line x1=\"\(px)\" y1=\"\(top)\" x2=\"\(px)\" y2=\"\(top + side)\" stroke=\"#e3e7eb\"/>"
            svg += "<line x1=\"\(left)\" y1=\"\(py)\" x2=\"\(left + side)\" y2=\"\(py)\" stroke=\"#e3e7eb\"/>"
            svg += "<text x=\"\(px)\" y=\"\(top + side + 15)\" text-anchor=\"middle\">\(format(value))</text>"
            svg += "<text x=\"\(left - 6)\" y=\"\(py)\" dy=\"4\" text-anchor=\"end\">\(format(value))</text>"
        }
        svg +=
            "<line x1=\"\(left)\" y1=\"\(top + side)\" x2=\"\(left + side)\" y2=\"\(top)\" stroke=\"#8c959f\" "
            + "stroke-dasharray=\"3 3\"/>"
        svg +=
            "<rect x=\"\(left)\" y=\"\(top)\" width=\"\(side)\" height=\"\(side)\" fill=\"none\" stroke=\"#57606a\"/>"
        for (index, curve) in curves.enumerated() {
            let colour = colours[index % colours.count]
            let dash = dashes[index / colours.count % dashes.count]
            let stroke = "stroke=\"\(colour)\" stroke-width=\"1.8\" stroke-dasharray=\"\(dash)\""
            svg += "<polyline points=\"\(curve.points.map(place).joined(separator: " "))\" fill=\"none\" \(stroke)/>"
            for (point, weight) in zip(curve.points, curve.weights) {
                let center = place(point).split(separator: ",")
                svg +=
                    "<circle cx=\"\(center[0])\" cy=\"\(center[1])\" r=\"\(format(2 + 5 * weight.squareRoot()))\" "
                    + "fill=\"\(colour)\" fill-opacity=\"0.55\"/>"
            }
            let line = legendTop + Double(index) * 16
            svg += "<line x1=\"\(left)\" y1=\"\(line)\" x2=\"\(left + 26)\" y2=\"\(line)\" \(stroke)/>"
            svg += "<text x=\"\(left + 32)\" y=\"\(line + 4)\">\(HTMLPage.escape(curve.name))</text>"
        }
        svg +=
            "<text x=\"\(left + side / 2)\" y=\"\(top + side + 31)\" text-anchor=\"middle\">\(HTMLPage.escape(x))</text>"
        svg +=
            "<text transform=\"translate(13 \(top + side / 2)) rotate(-90)\" text-anchor=\"middle\">"
            + "\(HTMLPage.escape(y))</text>"
        return svg + "</svg>"
    }

    struct Bar {
        let name: String
        let value: Double
        /// The dark part of the bar, at most `value`.
        let part: Double
        /// Whiskers around the value.
        let interval: (lower: Double, upper: Double)?
        let note: String
    }

    /// Horizontal bars from zero with a common scale.
    static func bars(_ bars: [Bar], title: String, maximum: Double? = nil) -> String {
        let left = 200.0
        let width = 380.0
        let row = 24.0
        let most = max(maximum ?? 0, bars.map { max($0.value, $0.interval?.upper ?? 0) }.max() ?? 0, 1e-9)
        var svg = start(width: left + width + 130, height: row * Double(bars.count) + 8, title)
        for (index, bar) in bars.enumerated() {
            let y = 4 + row * Double(index)
            let length = bar.value / most * width
            svg += "<text x=\"\(left - 8)\" y=\"\(y + 15)\" text-anchor=\"end\">\(HTMLPage.escape(bar.name))</text>"
            svg +=
                "<rect x=\"\(left)\" y=\"\(y + 3)\" width=\"\(format(length))\" height=\"\(row - 8)\" fill=\"#a8c7e6\" "
                + "stroke=\"#0072B2\" stroke-width=\"0.6\"/>"
            svg +=
                "<rect x=\"\(left)\" y=\"\(y + 3)\" width=\"\(format(bar.part / most * width))\" height=\"\(row - 8)\" "
                + "fill=\"#0072B2\"/>"
            if let interval = bar.interval {
                let from = format(left + interval.lower / most * width)
                let to = format(left + interval.upper / most * width)
                let middle = y + 3 + (row - 8) / 2
                // A white line below keeps the whisker visible on the dark part.
                for (colour, width) in [("#ffffff", "4"), ("#1b1f24", "1.6")] {
                    svg +=
                        "<line x1=\"\(from)\" y1=\"\(middle)\" x2=\"\(to)\" y2=\"\(middle)\" stroke=\"\(colour)\" "
                        + "stroke-width=\"\(width)\"/>"
                }
            }
            let end = left + max(length, (bar.interval?.upper ?? 0) / most * width)
            svg += "<text x=\"\(format(end + 6))\" y=\"\(y + 15)\">\(HTMLPage.escape(bar.note))</text>"
        }
        return svg + "</svg>"
    }

    private static func start(width: Double, height: Double, _ title: String) -> String {
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"\(format(width))\" height=\"\(format(height))\" "
            + "viewBox=\"0 0 \(format(width)) \(format(height))\" role=\"img\"><title>\(HTMLPage.escape(title))</title>"
    }

    private static func format(_ value: Double) -> String {
        let text = String(format: "%.2f", value)
        return text.hasSuffix(".00") ? String(text.dropLast(3)) : text.hasSuffix("0") ? String(text.dropLast()) : text
    }
}
