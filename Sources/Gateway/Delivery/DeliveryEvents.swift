import Audit
import DICOMNetwork
import Worklist

/// The audit events of delivery.
enum DeliveryEvents {
    static func delivered(_ delivery: Delivery, _ study: Worklist.Study, status: StoreStatus) -> AuditEvent {
        event(.resultDelivered, delivery, study, details: ["status": status.description])
    }

    static func retried(_ delivery: Delivery, _ study: Worklist.Study, reason: String) -> AuditEvent {
        event(.deliveryRetried, delivery, study, outcome: .minorFailure, description: reason)
    }

    static func abandoned(_ delivery: Delivery, _ study: Worklist.Study, reason: String) -> AuditEvent {
        event(.deliveryAbandoned, delivery, study, outcome: .seriousFailure, description: reason)
    }

    static func commitmentRequested(_ delivery: Delivery, transactionUID: String) -> AuditEvent {
        event(.commitmentRequested, delivery, details: ["transaction": transactionUID])
    }

    static func commitmentReported(_ delivery: Delivery) -> AuditEvent {
        event(.commitmentReported, delivery)
    }

    static func commitmentFailed(_ delivery: Delivery) -> AuditEvent {
        event(
            .commitmentReported, delivery,
            outcome: delivery.state == .deadLetter ? .seriousFailure : .minorFailure, description: delivery.lastError)
    }

    private static func event(
        _ kind: EventKind, _ delivery: Delivery, _ study: Worklist.Study? = nil, outcome: EventOutcome = .success,
        description: String? = nil, details: [String: String] = [:]
    ) -> AuditEvent {
        let object = delivery.object
        let patient = study?.attributes.patientID.map {
            Patient(identifier: $0, name: study?.attributes.patientName)
        }
        return AuditEvent(
            kind, outcome: outcome, description: description,
            destination: Participant(aeTitle: delivery.destination), patient: patient,
            study: study.map { study in
                Audit.Study(
                    uid: study.studyInstanceUID, accession: study.attributes.accessionNumber,
                    sopClasses: [
                        .init(uid: object.sopClassUID, instanceCount: 1, instances: [object.sopInstanceUID])
                    ])
            },
            details: details.merging(["sopInstance": object.sopInstanceUID, "sha256": object.sha256]) { first, _ in
                first
            })
    }
}
