import Foundation

/// Who reports: the audit source of every message (PS3.15 A.5.2).
public struct AuditSource: Sendable {
    /// The system that detected the events: this gateway's name at the site.
    public var sourceID: String
    /// The place within the enterprise.
    public var enterpriseSiteID: String?
    /// The machine's name.
    public var host: String
    /// The process, as syslog's PROCID and as the participant where an event names none.
    public var process: String

    /// Names the audit source.
    public init(sourceID: String, enterpriseSiteID: String? = nil, host: String, process: String) {
        self.sourceID = sourceID
        self.enterpriseSiteID = enterpriseSiteID
        self.host = host
        self.process = process
    }

    /// This machine and process.
    public static func local(sourceID: String, enterpriseSiteID: String? = nil) -> AuditSource {
        AuditSource(
            sourceID: sourceID, enterpriseSiteID: enterpriseSiteID, host: ProcessInfo.processInfo.hostName,
            process: String(ProcessInfo.processInfo.processIdentifier))
    }
}

/// A record as a DICOM audit message (PS3.15 A.5).
///
/// Beside the participants and objects of A.5.3, every message names its own record as an object: the log's identifier
/// and the record's number and hash, so that the repository's copy bears witness to the chain.
public struct AuditMessage: Sendable {
    private let record: AuditRecord
    private let event: AuditEvent
    private let source: AuditSource
    private let log: String

    /// Describes a record of the log `log`, with its patient's identifiers replaced if there is a pseudonymiser.
    public init(_ record: AuditRecord, log: String, source: AuditSource, pseudonymiser: Pseudonymiser? = nil) {
        self.record = record
        self.source = source
        self.log = log
        event = pseudonymiser?.apply(to: record.event) ?? record.event
    }

    /// The message as XML on one line, valid against the schema of A.5.1.
    public var xml: String {
        var writer = XMLWriter()
        writer.element("AuditMessage") { writer in
            writeEvent(&writer)
            writeParticipants(&writer)
            writer.element(
                "AuditSourceIdentification",
                [("AuditEnterpriseSiteID", source.enterpriseSiteID), ("AuditSourceID", source.sourceID)]
            ) {
                // A.5.1.2.1: application server process tier.
                $0.element("AuditSourceTypeCode", [("csd-code", "4")])
            }
            writeObjects(&writer)
        }
        return writer.text
    }

    private func writeEvent(_ writer: inout XMLWriter) {
        let definition = event.kind.definition
        writer.element(
            "EventIdentification",
            [
                ("EventActionCode", definition.action.rawValue), ("EventDateTime", record.time.iso8601()),
                ("EventOutcomeIndicator", String(event.outcome.rawValue)),
            ]
        ) { writer in
            writer.code("EventID", definition.identifier.code)
            if let type = definition.type { writer.code("EventTypeCode", type) }
            writer.code("EventTypeCode", Code(definition.name, "99CXRGATEWAY", definition.meaning))
            if let description = event.description {
                writer.element("EventOutcomeDescription", text: description)
            }
        }
    }

    private func writeParticipants(_ writer: inout XMLWriter) {
        // A.5.2: at most one participant is the requestor.
        let isActivity = event.kind.definition.identifier == .applicationActivity
        if let source = event.source {
            write(
                source, role: isActivity ? Codes.application : Codes.source, isRequestor: event.person == nil, &writer)
        }
        if let destination = event.destination {
            write(destination, role: Codes.destination, isRequestor: false, &writer)
        }
        if let person = event.person {
            writer.element(
                "ActiveParticipant",
                [
                    ("UserID", person.user), ("AlternativeUserID", person.process), ("UserName", person.name),
                    ("UserIsRequestor", "true"),
                ] + Self.accessPoint(person.host)
            ) { writer in
                if isActivity { writer.code("RoleIDCode", Codes.applicationLauncher) }
                if let role = person.role { writer.code("RoleIDCode", Code(role, "99CXRGATEWAY", role)) }
            }
        }
        if event.source == nil, event.destination == nil {
            let application = Participant(host: source.host, process: source.process)
            write(application, role: Codes.application, isRequestor: event.person == nil, &writer)
        }
    }

    private func write(_ participant: Participant, role: Code, isRequestor: Bool, _ writer: inout XMLWriter) {
        // A.5.2.1 and A.5.2.2: the process where it is known, with its AE titles as the alternative.
        let titles = participant.aeTitle.map { "AETITLES=\($0)" }
        writer.element(
            "ActiveParticipant",
            [
                ("UserID", participant.process ?? participant.aeTitle ?? participant.host ?? "unknown"),
                ("AlternativeUserID", titles), ("UserIsRequestor", isRequestor ? "true" : "false"),
            ] + Self.accessPoint(participant.host)
        ) { $0.code("RoleIDCode", role) }
    }

    private static func accessPoint(_ host: String?) -> [(String, String?)] {
        guard let host else { return [] }
        var address = in6_addr()
        let isAddress = inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1
        return [("NetworkAccessPointID", host), ("NetworkAccessPointTypeCode", isAddress ? "2" : "1")]
    }

    private func writeObjects(_ writer: inout XMLWriter) {
        if let study = event.study { write(study, &writer) }
        if let patient = event.patient {
            writer.object(
                patient.identifier, typeCode: 1, role: 1, idType: Codes.patientNumber, name: patient.name ?? "",
                details: patient.issuer.map { ["issuer": $0] } ?? [:])
        }
        for object in event.objects {
            let (role, idType) = Self.codes(of: object.sort)
            writer.object(
                object.identifier, typeCode: 2, role: role, idType: idType, name: object.name ?? object.sort.rawValue,
                isQuery: object.sort == .query, details: object.details)
        }
        if let provenance = event.provenance {
            let model = provenance.model
            writer.object(
                "\(model.name) \(model.version)", typeCode: 2, role: 26, idType: Self.codes(of: .model).1,
                name: model.name,
                details: [
                    "weightsSHA256": model.weightsSHA256, "milliseconds": String(provenance.durationMilliseconds),
                    "revision": String(provenance.revision),
                ])
        }
        writer.object(
            "urn:uuid:\(log)#\(record.sequence)", typeCode: 2, role: 13, idType: Codes.uri, name: "Audit record",
            details: event.details.merging(["recordSHA256": record.hash.hex]) { detail, _ in detail })
    }

    private func write(_ study: Study, _ writer: inout XMLWriter) {
        writer.object(
            study.uid, typeCode: 2, role: 3, idType: Codes.studyInstanceUID, name: study.accession ?? "", details: [:]
        ) { writer in
            if study.accession == nil, study.sopClasses.isEmpty { return }
            writer.element("ParticipantObjectDescription") { writer in
                if let accession = study.accession { writer.element("Accession", [("Number", accession)]) }
                for item in study.sopClasses {
                    writer.element(
                        "SOPClass", [("UID", item.uid), ("NumberOfInstances", String(item.instanceCount))]
                    ) { writer in
                        for instance in item.instances { writer.element("Instance", [("UID", instance)]) }
                    }
                }
            }
        }
    }

    /// Participant Object Type Code Role (A.5.1.2.2) and what the identifier is.
    private static func codes(of sort: ParticipantObject.Sort) -> (role: Int, idType: Code) {
        switch sort {
        case .report: (3, Codes.reportNumber)
        case .auditLog: (13, Codes.uri)
        case .file: (17, Codes.uri)
        case .configuration: (13, Codes.uri)
        case .query: (24, Codes.searchCriteria)
        case .node: (16, Codes.nodeID)
        case .model: (26, Code("model", "99CXRGATEWAY", "Model name and version"))
        case .key: (13, Code("key", "99CXRGATEWAY", "Key fingerprint"))
        }
    }
}

extension XMLWriter {
    fileprivate mutating func code(_ element: String, _ code: Code) {
        self.element(
            element, [("csd-code", code.value), ("codeSystemName", code.scheme), ("originalText", code.meaning)])
    }

    /// A participant object; the schema asks for a name or a query in each.
    fileprivate mutating func object(
        _ identifier: String, typeCode: Int, role: Int, idType: Code, name: String, isQuery: Bool = false,
        details: [String: String], description: ((inout XMLWriter) -> Void)? = nil
    ) {
        element(
            "ParticipantObjectIdentification",
            [
                ("ParticipantObjectID", identifier), ("ParticipantObjectTypeCode", String(typeCode)),
                ("ParticipantObjectTypeCodeRole", String(role)),
            ]
        ) { writer in
            writer.code("ParticipantObjectIDTypeCode", idType)
            if isQuery {
                writer.element("ParticipantObjectQuery", text: Data(identifier.utf8).base64EncodedString())
            } else {
                writer.element("ParticipantObjectName", text: name)
            }
            for (type, value) in details.sorted(by: { $0.key < $1.key }) {
                writer.element(
                    "ParticipantObjectDetail", [("type", type), ("value", Data(value.utf8).base64EncodedString())])
            }
            description?(&writer)
        }
    }
}
