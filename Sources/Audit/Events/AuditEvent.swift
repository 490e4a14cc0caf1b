/// Something that happened, told in the standard's terms and ready to be appended to the log.
///
/// One event concerns at most one study of one patient; something that concerns several is several events
/// (PS3.15 A.5.2 asks for separate messages wherever outcomes differ).
public struct AuditEvent: Sendable, Equatable {
    /// What happened.
    public var kind: EventKind
    /// When it happened; nil stands for the time of the append.
    public var time: AuditTime?
    /// Whether it worked.
    public var outcome: EventOutcome
    /// Why it failed, or what was done: a sentence for people.
    public var description: String?
    /// Who began it or sent the data: the calling side.
    public var source: Participant?
    /// Who received the data: the called side.
    public var destination: Participant?
    /// The person on whose behalf it was done, where there is one.
    public var person: Person?
    /// The patient concerned.
    public var patient: Patient?
    /// The study concerned.
    public var study: Study?
    /// Other things concerned: results, files, configuration, the log itself.
    public var objects: [ParticipantObject]
    /// Further facts, by name.
    public var details: [String: String]
    /// How a reading came about (``EventKind/studyRead`` only).
    public var provenance: Provenance?

    /// Describes an event.
    public init(
        _ kind: EventKind, at time: AuditTime? = nil, outcome: EventOutcome = .success, description: String? = nil,
        source: Participant? = nil, destination: Participant? = nil, person: Person? = nil, patient: Patient? = nil,
        study: Study? = nil, objects: [ParticipantObject] = [], details: [String: String] = [:],
        provenance: Provenance? = nil
    ) {
        self.kind = kind
        self.time = time
        self.outcome = outcome
        self.description = description
        self.source = source
        self.destination = destination
        self.person = person
        self.patient = patient
        self.study = study
        self.objects = objects
        self.details = details
        self.provenance = provenance
    }
}

/// A machine or process that takes part in an event.
public struct Participant: Sendable, Equatable {
    /// The application entity title, without padding.
    public var aeTitle: String?
    /// A host name or an IP address.
    public var host: String?
    /// The process, as the operating system names it.
    public var process: String?

    /// Names a participant.
    public init(aeTitle: String? = nil, host: String? = nil, process: String? = nil) {
        self.aeTitle = aeTitle
        self.host = host
        self.process = process
    }
}

/// A person who asks for something.
public struct Person: Sendable, Equatable {
    /// The account, unique on its system.
    public var user: String
    /// The person's name, where known.
    public var name: String?
    /// The machine that the person works at.
    public var host: String?
    /// The program through which the person acts.
    public var process: String?
    /// The role that the person acts in, for example `compliance officer`.
    public var role: String?

    /// Names a person.
    public init(user: String, name: String? = nil, host: String? = nil, process: String? = nil, role: String? = nil) {
        self.user = user
        self.name = name
        self.host = host
        self.process = process
        self.role = role
    }
}

/// The patient of an event.
public struct Patient: Sendable, Equatable {
    /// Patient ID (0010,0020).
    public var identifier: String
    /// Issuer of Patient ID (0010,0021).
    public var issuer: String?
    /// Patient's Name (0010,0010).
    public var name: String?

    /// Names a patient.
    public init(identifier: String, issuer: String? = nil, name: String? = nil) {
        self.identifier = identifier
        self.issuer = issuer
        self.name = name
    }
}

/// The study of an event.
public struct Study: Sendable, Equatable {
    /// How many instances of one SOP class an event concerns.
    public struct SOPClass: Sendable, Equatable {
        /// The SOP Class UID.
        public var uid: String
        /// How many instances of it.
        public var instanceCount: Int
        /// The SOP Instance UIDs, where they are worth recording.
        public var instances: [String]

        /// Counts instances of a class.
        public init(uid: String, instanceCount: Int, instances: [String] = []) {
            self.uid = uid
            self.instanceCount = instanceCount
            self.instances = instances
        }
    }

    /// Study Instance UID (0020,000D).
    public var uid: String
    /// Accession Number (0008,0050).
    public var accession: String?
    /// The instances concerned.
    public var sopClasses: [SOPClass]

    /// Names a study.
    public init(uid: String, accession: String? = nil, sopClasses: [SOPClass] = []) {
        self.uid = uid
        self.accession = accession
        self.sopClasses = sopClasses
    }
}

/// A thing other than a patient or a study that an event concerns.
public struct ParticipantObject: Sendable, Equatable {
    /// What sort of thing it is, with its codes in PS3.15 A.5.1.2.
    public enum Sort: String, Sendable, CaseIterable {
        /// A result object, by SOP Instance UID.
        case report
        /// The audit log, by its identifier.
        case auditLog
        /// A file, by path.
        case file
        /// A part of the configuration, by its name.
        case configuration
        /// A search, by its criteria.
        case query
        /// A network node, by address or AE title.
        case node
        /// A model, by name and version.
        case model
        /// A signing key, by fingerprint.
        case key
    }

    /// What sort of thing it is.
    public var sort: Sort
    /// The identifier that is unique within its sort.
    public var identifier: String
    /// A name for people.
    public var name: String?
    /// Further facts, by name: digests, byte counts.
    public var details: [String: String]

    /// Names a thing.
    public init(_ sort: Sort, identifier: String, name: String? = nil, details: [String: String] = [:]) {
        self.sort = sort
        self.identifier = identifier
        self.name = name
        self.details = details
    }
}
