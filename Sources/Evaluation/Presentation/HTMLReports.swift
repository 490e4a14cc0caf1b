import Findings
import Foundation

private let method = "Intervals are 95% percentile bootstrap"

private func intervalNote(_ options: EvaluationOptions, patients: Bool) -> String {
    guard options.replicates > 0 else { return "No intervals were asked for." }
    return "\(method) (\(options.replicates) replicates, seed \(options.seed)), "
        + (patients ? "drawn by patient." : "drawn by row: no patients are known.")
}

extension ReportEvaluation {
    /// The evaluation as a self-contained page.
    public func html(title: String = "Drafts against signed reports") -> String {
        var page = HTMLPage(title: title)
        let people = patients.map { " of \($0) patients" } ?? ""
        page.paragraph(
            "\(pairs) pairs of reports\(people). Without any significant error: \(shown(withoutSignificantError)).")
        page.paragraph(intervalNote(options, patients: patients != nil), note: true)
        page.heading("Errors per report, six types")
        page.raw(
            "<figure>"
                + Plot.bars(
                    errors.map { row in
                        Plot.Bar(
                            name: row.kind.title, value: row.perReport?.value ?? 0,
                            part: row.significantPerReport?.value ?? 0,
                            interval: interval(row.perReport),
                            note: String(format: "%.2f", row.perReport?.value ?? 0))
                    }, title: "Errors per report")
                + "<figcaption>Dark: significant. Line: 95% interval of all.</figcaption></figure>")
        page.table(
            ["Type", "All", "Significant", "Per report", "Significant per report"],
            errors.map {
                [
                    $0.kind.title, "\($0.total)", "\($0.significant)", shown($0.perReport, digits: 2),
                    shown($0.significantPerReport, digits: 2),
                ]
            })
        page.paragraph(
            "Counted by rule from the findings of both texts; which errors are significant is a documented table. This is "
                + "this project's own count and not comparable with figures of a language model as judge.", note: true)
        page.heading("Text metrics")
        page.table(["Metric", "Value"], scores.map { [$0.name, shown($0.estimate)] })
        for table in labels {
            page.heading("Labels, \(table.set == .cheXpert14 ? "CheXpert 14" : "NIH 14")")
            page.paragraph(
                "Micro F1 \(shown(table.microF1)), macro F1 \(shown(table.macroF1)). "
                    + "Labels left open count as \(options.uncertain == .ignore ? "neither" : options.uncertain.rawValue)."
            )
            page.table(
                ["Label", "Positives", "Found", "Missed", "Invented", "F1"],
                table.rows.map { row in
                    let counts = row.counts
                    return [
                        counts.label, "\(counts.positives)", "\(counts.truePositives)", "\(counts.falseNegatives)",
                        "\(counts.falsePositives)", shown(row.f1),
                    ]
                })
        }
        if let judge { judged(judge, &page) }
        if !worst.isEmpty {
            page.heading("Worst cases")
            page.paragraph("Most significant errors first. Marked: the words that an error is about.", note: true)
            for item in worst { page.raw(markup(item)) }
        }
        page.faults(faults)
        return page.text
    }

    private func interval(_ estimate: Estimate?) -> (lower: Double, upper: Double)? {
        guard let lower = estimate?.lower, let upper = estimate?.upper else { return nil }
        return (lower, upper)
    }

    private func judged(_ judge: JudgedReports, _ page: inout HTMLPage) {
        page.heading("Errors counted by a language model")
        let settings = judge.identity.settings.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        page.paragraph(
            "Judge: \(judge.identity.model) at \(judge.identity.endpoint), prompt version \(judge.promptVersion), "
                + settings.joined(separator: ", ") + ".")
        let rate = judge.tally.parseFailureRate.map { String(format: "%.1f%%", $0 * 100) } ?? "–"
        page.paragraph(
            "\(judge.tally.answered) of \(judge.tally.questions) pairs judged; \(rate) of \(judge.tally.replies) replies "
                + "could not be parsed; \(judge.tally.unreachable) attempts got no reply.")
        page.table(
            ["Type", "Per report", "Significant per report"],
            judge.rows.map { row in
                [row.kind.title, shown(row.perReport, digits: 2), shown(row.significantPerReport, digits: 2)]
            })
    }

    private func markup(_ item: Case) -> String {
        let items = item.count.errors.map { error in
            "<li\(error.isSignificant ? "" : " class=\"minor\"")><b>\(HTMLPage.escape(error.kind.title))"
                + "\(error.isSignificant ? "" : " (minor)")</b>: \(HTMLPage.escape(error.explanation))</li>"
        }
        let wanted = marked(item.pair.reference, item.count.errors.compactMap(\.reference?.span), "r")
        let said = marked(item.pair.candidate, item.count.errors.compactMap(\.candidate?.span), "c")
        return """
            <section class="case"><h3>\(HTMLPage.escape(item.pair.id))</h3>
            <div class="pair"><div><h4>Reference</h4>\(wanted)</div><div><h4>Candidate</h4>\(said)</div></div>
            <ul>\(items.joined())</ul></section>
            """
    }

    /// The text with spans marked; spans may repeat or overlap.
    private func marked(_ text: String, _ spans: [Range<Int>], _ style: String) -> String {
        let bytes = Array(text.utf8)
        var result = ""
        var position = 0
        for span in spans.sorted(by: { ($0.lowerBound, $0.upperBound) < ($1.lowerBound, $1.upperBound) }) {
            guard span.lowerBound >= position, span.upperBound <= bytes.count, !span.isEmpty else { continue }
            result += HTMLPage.escape(String(decoding: bytes[position..<span.lowerBound], as: UTF8.self))
            let words = HTMLPage.escape(String(decoding: bytes[span], as: UTF8.self))
            result += "<mark class=\"\(style)\">\(words)</mark>"
            position = span.upperBound
        }
        return result + HTMLPage.escape(String(decoding: bytes[position...], as: UTF8.self))
    }
}

extension ClassificationEvaluation {
    /// The evaluation as a self-contained page.
    public func html(title: String = "Scores against labels") -> String {
        var page = HTMLPage(title: title)
        func number(_ value: Double?) -> String { value.map { String(format: "%.3f", $0) } ?? "–" }
        page.paragraph(
            "\(rows.count) labels. Macro AUROC \(number(macroAUROC)), macro average precision "
                + "\(number(macroAveragePrecision)). \(uncertain) decisions with an open truth were left out.")
        page.paragraph(
            "\(method) (\(options.replicates) replicates, seed \(options.seed)), by patient where known.", note: true)
        page.table(
            ["Label", "Cases", "Positives", "AUROC", "Average precision", "Calibration error", "Brier score"],
            rows.map {
                [
                    $0.label, "\($0.cases)", "\($0.positives)", shown($0.auroc, stacked: true),
                    shown($0.averagePrecision, stacked: true), shown($0.calibrationError, stacked: true),
                    shown($0.brierScore, stacked: true),
                ]
            })
        page.paragraph(
            "An AUROC of 0.5 is chance; average precision at chance equals the share of positives. The calibration error "
                + "uses ten bins of equal width.", note: true)
        page.heading("ROC and reliability")
        page.raw("<div class=\"plots\">")
        for group in stride(from: 0, to: rows.count, by: 4).map({ Array(rows[$0..<min($0 + 4, rows.count)]) }) {
            let curves = group.filter { !$0.roc.isEmpty }.map { row in
                Plot.Curve(
                    name: "\(row.label) (\(number(row.auroc?.value)))",
                    points: row.roc.map { (x: $0.falsePositiveRate, y: $0.truePositiveRate) })
            }
            let bins = group.filter { !$0.reliability.isEmpty }.map { row in
                let most = Double(row.reliability.map(\.count).max() ?? 1)
                return Plot.Curve(
                    name: "\(row.label) (\(number(row.calibrationError?.value)))",
                    points: row.reliability.map { (x: $0.predicted, y: $0.observed) },
                    weights: row.reliability.map { Double($0.count) / most })
            }
            if !curves.isEmpty {
                page.raw(
                    "<figure>"
                        + Plot.unitSquare(
                            curves, x: "1 - specificity", y: "Sensitivity", title: "ROC")
                        + "<figcaption>ROC, in brackets the area.</figcaption></figure>")
            }
            if !bins.isEmpty {
                page.raw(
                    "<figure>"
                        + Plot.unitSquare(
                            bins, x: "Predicted probability", y: "Share of positives", title: "Reliability")
                        + "<figcaption>Reliability, in brackets the calibration error; dots grow with the cases."
                        + "</figcaption></figure>")
            }
        }
        page.raw("</div>")
        page.faults(faults)
        return page.text
    }
}

extension GroundingEvaluation {
    /// The evaluation as a self-contained page.
    public func html(title: String = "Boxes against reference boxes") -> String {
        var page = HTMLPage(title: title)
        page.paragraph(
            "\(rows.first?.references ?? 0) reference boxes and \(predictions) predicted boxes on \(images) images. "
                + (hasScores
                    ? "Predictions are ranked by confidence."
                    : "Predictions are not ranked: average precision is that of one operating point."))
        page.paragraph(
            "\(method) (\(options.replicates) replicates, seed \(options.seed)), by image or patient.", note: true)
        page.table(
            ["Label", "Boxes"] + thresholds.map { "AP at \($0)" } + ["Mean IoU", "Pointing accuracy"],
            rows.map { row in
                [row.label ?? "All", "\(row.references)"] + row.averagePrecision.map { shown($0, stacked: true) }
                    + [shown(row.meanOverlap, stacked: true), shown(row.pointingAccuracy, stacked: true)]
            })
        page.heading("Average precision at IoU \(thresholds.first ?? 0)")
        page.raw(
            "<figure>"
                + Plot.bars(
                    rows.map { row in
                        let estimate = row.averagePrecision.first.flatMap { $0 }
                        let value = estimate?.value ?? 0
                        var interval: (lower: Double, upper: Double)?
                        if let lower = estimate?.lower, let upper = estimate?.upper { interval = (lower, upper) }
                        return Plot.Bar(
                            name: row.label ?? "All (mean)", value: value, part: value, interval: interval,
                            note: String(format: "%.2f", value))
                    }, title: "Average precision", maximum: 1)
                + "<figcaption>Line: 95% interval.</figcaption></figure>")
        page.faults(faults)
        return page.text
    }
}
