import CoreMetrics
import Foundation
import TestSupport
import Testing

@testable import Gateway

/// The backend of swift-metrics, its page read by Prometheus' own parser.
@Suite struct MetricsTests {
    private func page(_ metrics: PrometheusMetrics) throws -> ParsedMetrics {
        try ParsedMetrics(MetricsPage.write(metrics.snapshot()))
    }

    @Test func anyTextSurvivesAsALabelValue() throws {
        let metrics = PrometheusMetrics()
        let values = ["plain", "a\"b", "a\\b", "a\nb", "\\n", "ü 胸 }", "{le=\"1\"}", ""]
        for value in values {
            metrics.makeCounter(label: "test_total", dimensions: [("value", value)]).increment(by: 1)
        }
        let parsed = try page(metrics)
        #expect(Set(parsed.families["test"]?.samples.map { $0.labels["value"] ?? "" } ?? []) == Set(values))
    }

    @Test func namesAreMadeLegal() throws {
        let metrics = PrometheusMetrics()
        metrics.makeMeter(label: "9 lives.left", dimensions: [("a-b", "c")]).set(3.5)
        #expect(try page(metrics).value("_9_lives_left", ["a_b": "c"]) == 3.5)
    }

    @Test func theSameLabelsInAnyOrderAreOneSeries() throws {
        let metrics = PrometheusMetrics()
        metrics.makeCounter(label: "x_total", dimensions: [("a", "1"), ("b", "2")]).increment(by: 2)
        metrics.makeCounter(label: "x_total", dimensions: [("b", "2"), ("a", "1")]).increment(by: 3)
        #expect(try page(metrics).value("x_total", ["a": "1", "b": "2"]) == 5)
    }

    @Test func aCounterOnlyGrows() throws {
        let metrics = PrometheusMetrics()
        let counter = metrics.makeCounter(label: "x_total", dimensions: [])
        counter.increment(by: 2)
        counter.increment(by: -5)
        metrics.makeFloatingPointCounter(label: "x_total", dimensions: []).increment(by: 0.5)
        #expect(try page(metrics).value("x_total") == 2.5)
    }

    @Test func bucketsAreCumulativeWithInclusiveBounds() throws {
        let metrics = PrometheusMetrics()
        let timer = metrics.makeTimer(label: "cxrgate_model_seconds", dimensions: [])
        for nanoseconds: Int64 in [50_000_000, 50_000_001, 1_000_000_000, 9_000_000_000_000] {
            timer.recordNanoseconds(nanoseconds)
        }
        let parsed = try page(metrics)
        let name = "cxrgate_model_seconds_bucket"
        #expect(parsed.value(name, ["le": "0.05"]) == 1)
        #expect(parsed.value(name, ["le": "0.1"]) == 2)
        #expect(parsed.value(name, ["le": "1"]) == 3)
        #expect(parsed.value(name, ["le": "300"]) == 3)
        #expect(parsed.value(name, ["le": "+Inf"]) == 4)
        #expect(parsed.value("cxrgate_model_seconds_count") == 4)
        #expect(try abs(#require(parsed.value("cxrgate_model_seconds_sum")) - 9001.100000001) < 1e-9)
    }

    @Test func aNameKeepsItsFirstKind() throws {
        let metrics = PrometheusMetrics()
        metrics.makeCounter(label: "x_total", dimensions: []).increment(by: 1)
        metrics.makeMeter(label: "x_total", dimensions: []).set(9.0)
        #expect(try page(metrics).value("x_total") == 1)
    }

    @Test func aDestroyedInstrumentIsGone() throws {
        let metrics = PrometheusMetrics()
        let meter = metrics.makeMeter(label: "x", dimensions: [])
        meter.set(1.0)
        metrics.destroyMeter(meter)
        #expect(try page(metrics).families["x"] == nil)
    }

    @Test func nothingIsLostBetweenThreads() async throws {
        let metrics = PrometheusMetrics()
        await withDiscardingTaskGroup { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<1000 {
                        metrics.makeCounter(label: "x_total", dimensions: [("a", "b")]).increment(by: 1)
                        metrics.makeTimer(label: "y_seconds", dimensions: []).recordNanoseconds(1)
                    }
                }
            }
        }
        let parsed = try page(metrics)
        #expect(parsed.value("x_total") == 8000)
        #expect(parsed.value("y_seconds_count") == 8000)
    }

    @Test(arguments: [(0, "0"), (1.5, "1.5"), (3e9, "3000000000"), (Double.infinity, "+Inf"), (-2, "-2")])
    func numbersAreWrittenAsPrometheusReadsThem(value: Double, text: String) {
        #expect(MetricsPage.number(value) == text)
    }

    /// Every metric that the code records has its meaning, and a name after Prometheus' rules.
    @Test func everyRecordedMetricIsInTheCatalogue() throws {
        let sources = SharedData.packageRoot.appendingPathComponent("Sources")
        let files = try #require(FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil))
        var found: Set<String> = []
        for case let url as URL in files where url.pathExtension == "swift" {
            let text = try String(contentsOf: url, encoding: .utf8)
            for match in text.matches(of: /(Counter|Timer|Gauge|Meter|Recorder)\(\s*label: "([^"]+)"/) {
                let (kind, name) = (match.output.1, String(match.output.2))
                found.insert(name)
                #expect(MetricCatalogue.recorded[name] != nil, "\(name) is not in the catalogue")
                #expect(name.hasPrefix("cxrgate_"))
                #expect(kind != "Counter" || name.hasSuffix("_total"))
                #expect(kind != "Timer" || name.hasSuffix("_seconds"))
            }
        }
        #expect(found.count > 5, "the search finds the calls")
    }
}
