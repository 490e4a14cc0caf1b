import Foundation

/// A record in the form in which machines get it: JSON with the names used in `Config/AUDIT.md`.
public struct RecordDocument: Encodable, Sendable {
    private struct Object: Encodable {
        let sort: String
        let identifier: String
        let name: String?
        let details: [String: String]?
    }

    private struct SOPClass: Encodable {
        let uid: String
        let instanceCount: Int
        let instances: [String]?
    }

    private let sequence: Int64
    private let time: String
    private let event: String
    private let eventID: String
    private let action: String
    private let outcome: String
    private let description: String?
    private let sourceAE, sourceHost, sourceProcess: String?
    private let destinationAE, destinationHost, destinationProcess: String?
    private let person, personName, personHost, personProcess, personRole: String?
    private let patientID, patientIssuer, patientName: String?
    private let studyUID, accession: String?
    private let sopClasses: [SOPClass]?
    private let objects: [Object]?
    private let details: [String: String]?
    private let provenance: Provenance?
    private let hash: String

    /// Describes a record; its time is written with the offset of `zone`, or in UTC where that is nil.
    public init(_ record: AuditRecord, zone: TimeZone?) {
        let event = record.event
        let definition = event.kind.definition
        sequence = record.sequence
        time = record.time.iso8601(in: zone)
        self.event = definition.name
        eventID = definition.identifier.rawValue
        action = definition.action.rawValue
        outcome = event.outcome.name
        description = event.description
        sourceAE = event.source?.aeTitle
        sourceHost = event.source?.host
        sourceProcess = event.source?.process
        destinationAE = event.destination?.aeTitle
        destinationHost = event.destination?.host
        destinationProcess = event.destination?.process
        person = event.person?.user
        personName = event.person?.name
        personHost = event.person?.host
        personProcess = event.person?.process
        personRole = event.person?.role
        patientID = event.patient?.identifier
        patientIssuer = event.patient?.issuer
        patientName = event.patient?.name
        studyUID = event.study?.uid
        accession = event.study?.accession
        sopClasses = event.study?.sopClasses.map {
            SOPClass(uid: $0.uid, instanceCount: $0.instanceCount, instances: $0.instances.isEmpty ? nil : $0.instances)
        }
        objects =
            event.objects.isEmpty
            ? nil
            : event.objects.map {
                Object(
                    sort: $0.sort.rawValue, identifier: $0.identifier, name: $0.name,
                    details: $0.details.isEmpty ? nil : $0.details)
            }
        details = event.details.isEmpty ? nil : event.details
        provenance = event.provenance
        hash = record.hash.hex
    }

    /// The document on one line, keys in alphabetical order.
    public func json() throws -> String {
        String(decoding: try CanonicalJSON.encode(self), as: UTF8.self)
    }
}
