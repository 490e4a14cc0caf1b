import Audit

/// Events as a gateway writes them: for each study two receptions, a reading, two results, and two deliveries.
struct EventSource {
    private var number: Int64 = 0
    private var clock: Int64 = 1_700_000_000_000_000

    /// A study that has events already, for queries.
    static func study(_ number: Int64) -> Study {
        Study(
            uid: "1.2.826.0.1.3680043.8.498.\(10_000_000_000 &+ number &* 7_919)", accession: "A\(100_000 + number)",
            sopClasses: [.init(uid: "1.2.840.10008.5.1.4.1.1.1.1", instanceCount: 1)])
    }

    static func patient(_ number: Int64) -> Patient {
        Patient(identifier: "P\(number % 300_000)", name: "Family\(number % 5000)^Given\(number % 300)")
    }

    mutating func next() -> AuditEvent {
        let step = number % 7
        let study = number / 7
        number += 1
        clock += 400_000
        let source = Participant(aeTitle: "MODALITY\(study % 12)", host: "10.1.0.\(study % 12)")
        let own = Participant(aeTitle: "CXRGATE", host: "gateway", process: "4711")
        let destination = Participant(aeTitle: "PACS\(study % 3)", host: "10.2.0.1")
        var event: AuditEvent
        switch step {
        case 0, 1:
            event = AuditEvent(
                .instanceReceived, source: source, destination: own,
                details: [
                    "sopInstanceUID": "1.2.826.0.1.3680043.8.498.\(number)",
                    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "bytes": "10485760",
                ])
        case 2:
            event = AuditEvent(
                .studyRead, description: study % 9 == 0 ? "small left pleural effusion" : "no acute findings",
                source: own, details: ["model": "reader 2.1", "milliseconds": "5120"])
        case 3, 4:
            event = AuditEvent(
                .resultCreated, source: own,
                objects: [ParticipantObject(.report, identifier: "2.25.\(number)", name: "Comprehensive SR")])
        default:
            event = AuditEvent(.resultDelivered, source: own, destination: destination)
            if study % 500 == 0 {
                event.outcome = .minorFailure
                event.description = "refused: out of resources"
            }
        }
        event.time = AuditTime(microseconds: clock)
        event.patient = Self.patient(study)
        event.study = Self.study(study)
        if number % 1000 == 0 { event.person = Person(user: "user\(number % 7)") }
        return event
    }
}
