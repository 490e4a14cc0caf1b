import Audit
import DICOMNetwork
import Worklist

/// The audit events of reception.
enum ReceptionEvents {
    static func begun(_ instance: ReceivedInstance, peer: Peer) -> AuditEvent {
        AuditEvent(
            .transferBegun, source: source(peer), destination: destination(peer), patient: instance.auditPatient,
            study: instance.auditStudy)
    }

    static func recorded(_ recorded: RecordedInstance, _ instance: ReceivedInstance, peer: Peer) -> AuditEvent {
        let kind: EventKind
        var outcome = EventOutcome.success
        var description: String?
        switch recorded.outcome {
        case .conflict:
            kind = .instanceQuarantined
            outcome = .minorFailure
            description = "Other content under a known SOP Instance UID: kept aside as \(instance.path)."
        case .duplicate:
            kind = .instanceReceivedAgain
        case .new, .restored:
            kind = recorded.disposition == .ownResult ? .ownResultIgnored : .instanceReceived
        }
        if recorded.demographicsDiffer {
            outcome = .minorFailure
            description = "Patient ID or birth date differs from that of the study's earlier instances."
        }
        return AuditEvent(
            kind, outcome: outcome, description: description, source: source(peer), destination: destination(peer),
            patient: instance.auditPatient, study: instance.auditStudy, details: ["sha256": instance.sha256])
    }

    static func refused(_ request: StoreRequest, peer: Peer, status: StoreStatus, reason: String) -> AuditEvent {
        AuditEvent(
            .instanceRefused, outcome: status.kind == .transientFailure ? .minorFailure : .seriousFailure,
            description: reason, source: source(peer), destination: destination(peer),
            details: [
                "status": status.description, "sopClass": String(request.sopClassUID.prefix(64)),
                "sopInstance": String(request.sopInstanceUID.prefix(64)),
            ])
    }

    private static func source(_ peer: Peer) -> Participant {
        Participant(aeTitle: peer.callingAETitle, host: peer.address)
    }

    private static func destination(_ peer: Peer) -> Participant {
        Participant(aeTitle: peer.calledAETitle)
    }
}

extension ReceivedInstance {
    fileprivate var auditPatient: Audit.Patient? {
        study.patientID.map { Patient(identifier: $0, name: study.patientName) }
    }

    fileprivate var auditStudy: Audit.Study {
        Audit.Study(
            uid: studyInstanceUID, accession: study.accessionNumber,
            sopClasses: [.init(uid: sopClassUID, instanceCount: 1, instances: [sopInstanceUID])])
    }
}
