/// What the study store and the work queue refuse to do.
public enum WorklistError: Error, Equatable, CustomStringConvertible {
    /// No worklist at the path.
    case noDatabase(path: String)
    /// The file is there and cannot be used.
    case unreadable(path: String, reason: String)
    /// The file could not be made.
    case cannotCreate(path: String)
    /// The file has tables that this version does not know.
    case databaseIsNewer(path: String)
    /// A stored name that no version wrote.
    case unknownValue(column: String, value: String)
    case noSuchStudy(String)
    case noSuchWorkItem(Int64)
    case noSuchDelivery(Int64)
    case noSuchInstance(Int64)
    case noSuchDestination(String)
    /// The lease was released or given to somebody else: the holder must drop what it did.
    case leaseLost(item: String, owner: String)
    /// The state machine has no such step; nothing was changed.
    case illegalTransition(item: String, from: String, to: String)
    /// A result with this UID exists with other bytes: results are persisted once and re-sent identically.
    case resultDiffers(sopInstanceUID: String)
    /// A value that must not be stored.
    case invalid(String)

    public var description: String {
        switch self {
        case .noDatabase(let path):
            "No worklist database at \(path). Start the gateway once to create it, or name another file."
        case .unreadable(let path, let reason):
            "\(path) cannot be read as a worklist database: \(reason). Check the name, and whether you may read it."
        case .cannotCreate(let path):
            "The database \(path) could not be created. Check that its directory exists and may be written."
        case .databaseIsNewer(let path):
            "The database \(path) was made by a later version of cxrgate. Use that version, or restore a backup."
        case .unknownValue(let column, let value):
            "The database holds the value '\(value)' in \(column), which this version does not know."
        case .noSuchStudy(let study): "There is no study \(study) in the store."
        case .noSuchWorkItem(let id): "There is no work item \(id) in the queue."
        case .noSuchDelivery(let id): "There is no delivery \(id)."
        case .noSuchInstance(let id): "There is no instance \(id) in the store."
        case .noSuchDestination(let name): "There is no destination named '\(name)'."
        case .leaseLost(let item, let owner):
            "The lease of \(item) is no longer held by \(owner): it ran out or was released. Its work is discarded."
        case .illegalTransition(let item, let from, let to):
            "\(item) is '\(from)' and cannot become '\(to)'."
        case .resultDiffers(let uid):
            "A result with SOP Instance UID \(uid) is already stored with other bytes; a result is never rewritten."
        case .invalid(let message): message
        }
    }
}
