import CoreMetrics
import Synchronization

/// One time series: something that can be read while others write to it.
protocol PrometheusInstrument: AnyObject, Sendable {
    func samples(_ labels: [MetricLabel]) -> [MetricSample]
}

/// A number that only grows; a negative increment is left out.
final class CounterInstrument: PrometheusInstrument, CounterHandler, FloatingPointCounterHandler {
    private let value = Mutex(0.0)

    func increment(by amount: Int64) { increment(by: Double(amount)) }

    func increment(by amount: Double) {
        guard amount > 0 else { return }
        value.withLock { $0 += amount }
    }

    func reset() { value.withLock { $0 = 0 } }

    func samples(_ labels: [MetricLabel]) -> [MetricSample] {
        [MetricSample(labels, value.withLock { $0 })]
    }
}

/// A number that goes up and down.
final class GaugeInstrument: PrometheusInstrument, MeterHandler, RecorderHandler {
    private let value = Mutex(0.0)

    func set(_ value: Int64) { set(Double(value)) }
    func set(_ value: Double) { self.value.withLock { $0 = value } }
    func record(_ value: Int64) { set(Double(value)) }
    func record(_ value: Double) { set(value) }
    func increment(by amount: Double) { value.withLock { $0 += amount } }
    func decrement(by amount: Double) { value.withLock { $0 -= amount } }

    func samples(_ labels: [MetricLabel]) -> [MetricSample] {
        [MetricSample(labels, value.withLock { $0 })]
    }
}

/// Counts values up to each bound, with their sum. Timers record nanoseconds and show seconds.
final class HistogramInstrument: PrometheusInstrument, TimerHandler, RecorderHandler {
    private struct State {
        /// One for each bound, not cumulative, and one more for what is above all of them.
        var counts: [UInt64]
        var sum = 0.0
    }

    private let bounds: [Double]
    private let state: Mutex<State>

    /// - Parameter bounds: Upper bounds, inclusive, in rising order.
    init(_ bounds: [Double]) {
        self.bounds = bounds
        state = Mutex(State(counts: [UInt64](repeating: 0, count: bounds.count + 1)))
    }

    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }
    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        guard !value.isNaN else { return }
        let bucket = bounds.firstIndex { value <= $0 } ?? bounds.count
        state.withLock { state in
            state.counts[bucket] += 1
            state.sum += value
        }
    }

    func samples(_ labels: [MetricLabel]) -> [MetricSample] {
        let (counts, sum) = state.withLock { ($0.counts, $0.sum) }
        var total: UInt64 = 0
        let buckets = zip(bounds + [.infinity], counts).map { bound, count in
            total += count
            let limit = MetricLabel("le", MetricsPage.number(bound))
            return MetricSample(labels + [limit], Double(total), suffix: "_bucket")
        }
        return buckets + [
            MetricSample(labels, sum, suffix: "_sum"), MetricSample(labels, Double(total), suffix: "_count"),
        ]
    }
}
