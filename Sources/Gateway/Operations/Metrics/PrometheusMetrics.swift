import CoreMetrics
import Synchronization

/// The backend of swift-metrics that the gateway's page of metrics is written from.
///
/// A label is a metric's Prometheus name. The first kind of instrument that takes a name keeps it: another kind under the
/// same name gets an instrument that is never shown, since a page that mixes them could not be read at all.
public final class PrometheusMetrics: MetricsFactory, Sendable {
    private struct Family {
        let kind: MetricFamily.Kind
        var instruments: [[MetricLabel]: any PrometheusInstrument] = [:]
    }

    private let families = Mutex<[String: Family]>([:])

    /// A registry with every counter of the catalogue at zero, so that its first increment is seen as one.
    public init() {
        for (name, description) in MetricCatalogue.recorded {
            for labels in description.presetLabels {
                _ = makeCounter(label: name, dimensions: labels)
            }
        }
    }

    /// Every instrument's value at this moment, by name.
    func snapshot() -> [MetricFamily] {
        families.withLock { $0 }.map { name, family in
            MetricFamily(
                name, family.kind, help: MetricCatalogue.help(for: name),
                samples: family.instruments.sorted { $0.key.lexicographicallyPrecedes($1.key) }
                    .flatMap { labels, instrument in instrument.samples(labels) })
        }
    }

    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        instrument(label, dimensions, .counter) { CounterInstrument() }
    }

    public func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        instrument(label, dimensions, .counter) { CounterInstrument() }
    }

    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        instrument(label, dimensions, .gauge) { GaugeInstrument() }
    }

    public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        if aggregate {
            instrument(label, dimensions, .histogram) { HistogramInstrument(MetricCatalogue.buckets(for: label)) }
        } else {
            instrument(label, dimensions, .gauge) { GaugeInstrument() }
        }
    }

    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        instrument(label, dimensions, .histogram) { HistogramInstrument(MetricCatalogue.buckets(for: label)) }
    }

    public func destroyCounter(_ handler: any CounterHandler) { remove(handler) }
    public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { remove(handler) }
    public func destroyMeter(_ handler: any MeterHandler) { remove(handler) }
    public func destroyRecorder(_ handler: any RecorderHandler) { remove(handler) }
    public func destroyTimer(_ handler: any TimerHandler) { remove(handler) }

    /// The instrument of a name and its labels, which is the same at each call.
    private func instrument<Instrument: PrometheusInstrument>(
        _ label: String, _ dimensions: [(String, String)], _ kind: MetricFamily.Kind, make: () -> Instrument
    ) -> Instrument {
        let name = MetricLabel.legalMetricName(label)
        let labels = dimensions.map(MetricLabel.init).sorted()
        return families.withLock { families in
            var family = families[name] ?? Family(kind: kind)
            guard family.kind == kind else { return make() }
            if let known = family.instruments[labels] as? Instrument { return known }
            let new = make()
            family.instruments[labels] = new
            families[name] = family
            return new
        }
    }

    private func remove(_ handler: AnyObject) {
        families.withLock { families in
            for (name, family) in families {
                guard let labels = family.instruments.first(where: { $0.value === handler })?.key else { continue }
                families[name]?.instruments[labels] = nil
                if families[name]?.instruments.isEmpty == true { families[name] = nil }
            }
        }
    }
}
