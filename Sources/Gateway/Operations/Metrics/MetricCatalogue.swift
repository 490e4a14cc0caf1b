import DICOMNetwork
import Worklist

/// What each metric that the code records through swift-metrics means.
enum MetricCatalogue {
    struct Description: Sendable {
        let help: String
        /// Upper bounds of a histogram.
        var buckets: [Double] = []
        /// The label sets of a counter that are shown from the start, at zero.
        var presetLabels: [[(String, String)]] = []

        /// A counter without labels.
        static func counter(_ help: String) -> Description {
            Description(help: help, presetLabels: [[]])
        }

        /// A counter with one label, whose values are known.
        static func counter(_ help: String, label: String, values: [String]) -> Description {
            Description(help: help, presetLabels: values.map { [(label, $0)] })
        }
    }

    static let recorded: [String: Description] = [
        "cxrgate_associations_accepted_total": .counter("Associations that were accepted."),
        "cxrgate_associations_refused_total": .counter(
            "Associations that were rejected, by the standard's reason (PS3.8 table 9-21).", label: "reason",
            values: [
                AssociationRejection.applicationContextNotSupported, .callingAETitleNotRecognized,
                .calledAETitleNotRecognized, .localLimitExceeded, .temporaryCongestion,
            ].map(\.description)),
        "cxrgate_connections_failed_total": .counter("Connections that never became an association."),
        "cxrgate_instances_received_total": .counter(
            "Instances that were answered with success or a warning, by what they were to the store.",
            label: "outcome",
            values: [RecordOutcome.new, .duplicate, .conflict, .restored].map(\.rawValue)),
        "cxrgate_instances_refused_total": .counter(
            "Instances that were not kept in a study, by the status of the C-STORE response.", label: "status",
            values: [
                StoreStatus.outOfResources, .doesNotMatchSOPClass, .cannotUnderstand, .objectTooLarge, .invalidUID,
                .processingFailure,
            ].map(\.description)),
        "cxrgate_received_bytes_total": .counter("Bytes of the received instances."),
        "cxrgate_deliveries_total": Description(
            help: "Attempts to deliver an object, by destination and outcome (sent, retried, deadLetter)."),
        "cxrgate_delivery_seconds": Description(
            help: "Time from a C-STORE request to its response, by destination.",
            buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]),
        TurnaroundRecorder.label: Description(
            help: "Time from the reception of a study's last image to the delivery of the last object of the work.",
            buckets: [0.25, 0.5, 1, 2, 5, 10, 20, 30, 45, 60, 120, 300, 600, 1800, 3600, 14400]),
        "cxrgate_studies_concluded_total": .counter(
            "Studies that were worked on, by their outcome.", label: "outcome",
            values: ["read", "abstained", "deadLetter"]),
        "cxrgate_self_test_passed": Description(help: "1 when the last self-test of the model passed, 0 when not."),
        "cxrgate_model_seconds": Description(
            help: "Time that the model took for one study.",
            buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300]),
    ]

    static func help(for name: String) -> String {
        recorded[name]?.help ?? "Recorded by the gateway."
    }

    /// The histogram bounds of a name; for an unknown one those that suit seconds of waiting.
    static func buckets(for name: String) -> [Double] {
        guard let buckets = recorded[name]?.buckets, !buckets.isEmpty else {
            return [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
        }
        return buckets
    }
}
