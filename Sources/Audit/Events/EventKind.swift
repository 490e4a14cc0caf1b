/// What happened: the gateway's own event types, each with its place in the standard's vocabulary.
///
/// The raw values are stored in every record and never reused for another meaning.
public enum EventKind: Int, CaseIterable, Sendable {
    case serviceStarted = 1
    case serviceStopped = 2
    case configurationChanged = 3
    case associationRefused = 10
    case transferBegun = 11
    case instanceReceived = 12
    case instanceReceivedAgain = 13
    case instanceRefused = 14
    case instanceQuarantined = 15
    case ownResultIgnored = 16
    case studyRead = 20
    case studyAbstained = 21
    case resultCreated = 22
    case studyAccessed = 23
    case deliveryBegun = 30
    case resultDelivered = 31
    case deliveryRetried = 32
    case deliveryAbandoned = 33
    case commitmentRequested = 34
    case commitmentReported = 35
    case studyPurged = 40
    case dataExported = 41
    case dataImported = 42
    case queryAnswered = 43
    case networkEntered = 50
    case networkLeft = 51
    case securityAlert = 60
    case auditKeyCreated = 61
    case auditKeyRotated = 62
    case auditSegmentSealed = 63
    case auditRepositoryLost = 64
    case auditRepositoryRestored = 65
    case auditRecordSetAside = 66
    case userLoggedIn = 70
    case userLoggedOut = 71
    case auditLogRead = 80
    case auditLogExported = 81

    /// The row of the table of event types that describes this kind.
    public var definition: EventDefinition {
        // The table names every case; a test holds it to that.
        EventDefinition.byKind[self] ?? EventDefinition(self, "unknown", .securityAlert, nil, .execute, "Unknown event")
    }
}

/// Action codes of PS3.15 A.5.1.
public enum EventAction: String, Sendable {
    case create = "C"
    case read = "R"
    case update = "U"
    case delete = "D"
    case execute = "E"
}

/// Outcome indicators of PS3.15 A.5.1.
public enum EventOutcome: Int, CaseIterable, Sendable {
    /// It worked.
    case success = 0
    /// It did not work and is tried again, or only a part failed.
    case minorFailure = 4
    /// It did not work and is not tried again.
    case seriousFailure = 8
    /// The function is no longer available.
    case majorFailure = 12

    /// The word that people read and type.
    public var name: String {
        switch self {
        case .success: "success"
        case .minorFailure: "minor-failure"
        case .seriousFailure: "serious-failure"
        case .majorFailure: "major-failure"
        }
    }
}

/// One row of the table of event types.
public struct EventDefinition: Sendable {
    /// The kind described.
    public let kind: EventKind
    /// The word that people read and type, for example `instance-received`.
    public let name: String
    /// The event ID (PS3.16 CID 400).
    public let identifier: EventIdentifier
    /// The event type code, where the standard has one.
    public let type: Code?
    /// The action code.
    public let action: EventAction
    /// What a person reads in the story of a study.
    public let meaning: String

    init(
        _ kind: EventKind, _ name: String, _ identifier: EventIdentifier, _ type: Code?, _ action: EventAction,
        _ meaning: String
    ) {
        self.kind = kind
        self.name = name
        self.identifier = identifier
        self.type = type
        self.action = action
        self.meaning = meaning
    }

    /// The kind that has this name.
    public static func named(_ name: String) -> EventDefinition? {
        table.first { $0.name == name }
    }

    static let byKind = Dictionary(uniqueKeysWithValues: table.map { ($0.kind, $0) })

    /// The table of event types (PS3.15 A.5.3 gives each event ID its meaning and its participants).
    public static let table: [EventDefinition] = [
        .init(
            .serviceStarted, "service-started", .applicationActivity, Codes.applicationStart, .execute,
            "Service started"),
        .init(
            .serviceStopped, "service-stopped", .applicationActivity, Codes.applicationStop, .execute, "Service stopped"
        ),
        .init(
            .configurationChanged, "configuration-changed", .securityAlert, Codes.softwareConfiguration, .execute,
            "Configuration changed"),
        .init(
            .associationRefused, "association-refused", .securityAlert, Codes.nodeAuthentication, .execute,
            "Association refused"),
        .init(.transferBegun, "transfer-begun", .beginTransferringInstances, nil, .execute, "Transfer to us begun"),
        .init(.instanceReceived, "instance-received", .instancesTransferred, nil, .create, "Instance received"),
        .init(
            .instanceReceivedAgain, "instance-received-again", .instancesTransferred, nil, .read,
            "Instance received again, already held"),
        .init(.instanceRefused, "instance-refused", .instancesTransferred, nil, .create, "Instance refused"),
        .init(
            .instanceQuarantined, "instance-quarantined", .instancesTransferred, nil, .update,
            "Instance quarantined: same UID, other content"),
        .init(
            .ownResultIgnored, "own-result-ignored", .instancesTransferred, nil, .read, "Own result came back, ignored"),
        .init(.studyRead, "study-read", .instancesAccessed, nil, .read, "Study read by the model"),
        .init(.studyAbstained, "study-abstained", .instancesAccessed, nil, .read, "Study not analysed"),
        .init(.resultCreated, "result-created", .instancesAccessed, nil, .create, "Result object created"),
        .init(.studyAccessed, "study-accessed", .instancesAccessed, nil, .read, "Study looked at by a person"),
        .init(.deliveryBegun, "delivery-begun", .beginTransferringInstances, nil, .execute, "Delivery begun"),
        .init(.resultDelivered, "result-delivered", .instancesTransferred, nil, .create, "Result delivered"),
        .init(
            .deliveryRetried, "delivery-retried", .instancesTransferred, nil, .create,
            "Delivery failed, will be retried"),
        .init(
            .deliveryAbandoned, "delivery-abandoned", .instancesTransferred, nil, .create,
            "Delivery abandoned: dead letter"),
        .init(
            .commitmentRequested, "commitment-requested", .instancesTransferred, nil, .read,
            "Storage commitment requested"),
        .init(
            .commitmentReported, "commitment-reported", .instancesTransferred, nil, .read, "Storage commitment reported"
        ),
        .init(.studyPurged, "study-purged", .studyDeleted, nil, .delete, "Study purged"),
        .init(.dataExported, "data-exported", .dataExport, nil, .read, "Data written to files"),
        .init(.dataImported, "data-imported", .dataImport, nil, .create, "Data read from files"),
        .init(.queryAnswered, "query-answered", .query, nil, .execute, "Query answered"),
        .init(.networkEntered, "network-entered", .networkEntry, Codes.attach, .execute, "Listening on the network"),
        .init(.networkLeft, "network-left", .networkEntry, Codes.detach, .execute, "Left the network"),
        .init(.securityAlert, "security-alert", .securityAlert, Codes.restrictedFunction, .execute, "Security alert"),
        .init(
            .auditKeyCreated, "audit-key-created", .securityAlert, Codes.securityConfiguration, .execute,
            "Audit signing key introduced"),
        .init(
            .auditKeyRotated, "audit-key-rotated", .securityAlert, Codes.securityConfiguration, .execute,
            "Audit signing key rotated"),
        .init(
            .auditSegmentSealed, "audit-segment-sealed", .securityAlert, Codes.securityConfiguration, .execute,
            "Audit records moved to a sealed segment"),
        .init(
            .auditRepositoryLost, "audit-repository-lost", .securityAlert, Codes.networkConfiguration, .execute,
            "Audit repository out of reach"),
        .init(
            .auditRepositoryRestored, "audit-repository-restored", .securityAlert, Codes.networkConfiguration, .execute,
            "Audit repository reached again"),
        .init(
            .auditRecordSetAside, "audit-record-set-aside", .securityAlert, Codes.networkConfiguration, .execute,
            "Audit record could not be forwarded, set aside"),
        .init(.userLoggedIn, "user-logged-in", .userAuthentication, Codes.login, .execute, "User logged in"),
        .init(.userLoggedOut, "user-logged-out", .userAuthentication, Codes.logout, .execute, "User logged out"),
        .init(.auditLogRead, "audit-log-read", .auditLogUsed, nil, .read, "Audit log read"),
        .init(.auditLogExported, "audit-log-exported", .auditLogUsed, nil, .read, "Audit log exported"),
    ]
}
