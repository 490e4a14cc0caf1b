/// Something that shows that the log is not what the gateway wrote.
public struct VerificationFault: Sendable, Equatable, CustomStringConvertible {
    /// What sort of evidence it is.
    public enum Sort: String, Sendable, CaseIterable {
        /// A record's content does not give its hash.
        case alteredRecord = "altered-record"
        /// A record's number does not follow its predecessor's.
        case brokenSequence = "broken-sequence"
        /// Records are missing at the end.
        case truncatedTail = "truncated-tail"
        /// A signed head names another hash than the record has.
        case headMismatch = "head-mismatch"
        /// A signature was not made by the key that it names.
        case badSignature = "bad-signature"
        /// A key that is neither trusted nor endorsed.
        case untrustedKey = "untrusted-key"
        /// The database is another log's.
        case otherLog = "other-log"
        /// A guard, view or table of event types is missing or altered.
        case alteredSchema = "altered-schema"
        /// A sealed segment's statement or file is not what was sealed.
        case alteredSegment = "altered-segment"
        /// SQLite finds an index that disagrees with its table.
        case alteredIndex = "altered-index"
    }

    /// What sort of evidence it is.
    public let sort: Sort
    /// The record concerned, where it is one.
    public let sequence: Int64?
    /// What is wrong, for people.
    public let message: String

    public var description: String { message }
}

/// What a verification found.
public struct VerificationReport: Sendable {
    /// The log's identifier.
    public internal(set) var log = ""
    /// Records whose hashes were recomputed, in the live table and in segment files.
    public internal(set) var recordCount: Int64 = 0
    /// The first record in the live table, if there is one.
    public internal(set) var firstSequence: Int64?
    /// The place of the last record.
    public internal(set) var head: ChainPosition?
    /// Checkpoints whose signature and hash were checked.
    public internal(set) var checkpointCount = 0
    /// Checkpoints on records that are in segment files that were not at hand.
    public internal(set) var checkpointsOutOfSight = 0
    /// Sealed segments, and how many of their files were read.
    public internal(set) var segmentCount = 0
    public internal(set) var segmentFilesRead = 0
    /// Exported heads that were compared.
    public internal(set) var exportedHeadCount = 0
    /// The fingerprint of the present signing key.
    public internal(set) var presentKey: String?
    /// Whether the chain of keys begins at a key that the caller trusts.
    public internal(set) var isAnchoredInTrustedKey = false
    /// What is wrong; the first is the first in the order of the chain, and none means that nothing is.
    public internal(set) var faults: [VerificationFault] = []

    /// Whether nothing is wrong.
    public var isSound: Bool { faults.isEmpty }

    mutating func fault(_ sort: VerificationFault.Sort, _ sequence: Int64?, _ message: String) {
        faults.append(VerificationFault(sort: sort, sequence: sequence, message: message))
    }
}
