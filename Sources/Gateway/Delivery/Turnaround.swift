import Foundation
import Metrics
import Worklist

/// How long a study takes from its last image to the delivery of its results.
struct Turnaround {
    /// Records the delivery of a result; forwarded instances do not count.
    func delivered(_ delivery: Delivery, _ study: Study, to destination: String) {
        guard delivery.workItemID != nil else { return }
        let elapsed = max(0, Date().timeIntervalSince(study.lastReceivedAt))
        Metrics.Timer(label: "cxrgate_turnaround_seconds", dimensions: [("destination", destination)])
            .recordNanoseconds(Int64(elapsed * 1e9))
    }
}
