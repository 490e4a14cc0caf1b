import Cryptography
import DICOM
import Findings
import Foundation
import Logging
import Results
import Worklist

/// A result object on its final, durable place, not in the database yet.
struct KeptObject: Sendable {
    let result: NewResult
    let kind: ResultKind

    /// Whether the destination gets it.
    func isWanted(by destination: DestinationConfiguration) -> Bool {
        destination.results.contains(kind)
            && (kind != .findings || result.sopClassUID == destination.findingsClass.sopClassUID)
    }
}

/// Builds the objects of a study and makes them durable.
struct ResultFiles: Sendable {
    let storage: StorageRoot
    let identity: GatewayIdentity
    let logger: Logger

    /// Builds everything that some destination wants, each object once.
    ///
    /// - Parameter earlier: the study's results so far; those of the last revision are named as predecessors.
    /// - Throws: `ResultsError`, `InvalidReading`, `DICOMError`, `FileError`, or ``SupersededRevision``.
    func make(
        _ study: LeasedStudy, _ reading: Reading, destinations: [DestinationConfiguration], earlier: [StoredResult]
    ) throws -> [KeptObject] {
        let (sources, reading) = try sources(of: study, reading)
        for note in sources.flatMap(\.notes) {
            logger.warning("a source is not as the standard wants it", metadata: ["note": "\(note)"])
        }
        if let later = earlier.last, later.revision > study.lease.item.revision {
            throw SupersededRevision(revision: study.lease.item.revision, by: later.revision)
        }
        let former = earlier.filter { $0.revision < study.lease.item.revision }
        let revision = Revision(
            number: Set(former.map(\.revision)).count + 1,
            predecessors: former.filter { $0.revision == former.last?.revision }.compactMap(reference))
        let kinds = destinations.reduce(into: Set<ResultKind>()) { $0.formUnion($1.results) }
        let classes = Set(destinations.filter { $0.results.contains(.findings) }.map(\.findingsClass))
        let scratch = URL(fileURLWithPath: storage.absolute("incoming/" + UUID().uuidString))
        defer { try? FileManager.default.removeItem(at: scratch) }
        let instant = Date()
        var objects: [String: ResultObject] = [:]
        var order: [String] = []
        for (index, findingsClass)
            in (classes.isEmpty ? [.comprehensive] : classes.sorted { $0.rawValue < $1.rawValue }).enumerated()
        {
            let folder = scratch.appendingPathComponent("\(index)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            // Without a destination the standard set is kept for whoever asks later.
            let options = ResultOptions(
                kinds: kinds.isEmpty ? ResultOptions.standard.kinds : kinds, findingsClass: findingsClass)
            let builder = ResultBuilder(identity: identity, options: options)
            for object in try builder.build(
                reading, sources: sources, revision: revision, instant: instant, into: folder)
            where objects.updateValue(object, forKey: object.reference.sopInstanceUID) == nil {
                order.append(object.reference.sopInstanceUID)
            }
        }
        let directory = "results/\(reading.studyInstanceUID)/\(revision.number)"
        try DurableFiles.makeDirectory(directory, under: storage.path)
        return try order.compactMap { objects[$0] }.map { try keep($0, in: directory) }
    }

    private func reference(_ stored: StoredResult) -> ResultReference? {
        guard let kind = ResultKind(sopClassUID: stored.object.sopClassUID),
            let study = stored.object.path.split(separator: "/").dropFirst().first
        else { return nil }
        return ResultReference(
            kind: kind, sopClassUID: stored.object.sopClassUID, sopInstanceUID: stored.object.sopInstanceUID,
            studyInstanceUID: String(study))
    }

    /// The files that results refer to. An abstention takes what can be opened and belongs to one patient.
    private func sources(of study: LeasedStudy, _ reading: Reading) throws -> ([SourceInstance], Reading) {
        let uids = Set(reading.images.map(\.sopInstanceUID))
        let wanted = study.instances.filter { uids.isEmpty || uids.contains($0.sopInstanceUID) }
        let url = { (instance: Instance) in URL(fileURLWithPath: storage.absolute(instance.path)) }
        guard reading.abstention != nil else {
            return (try wanted.map { try SourceInstance(contentsOf: url($0)) }, reading)
        }
        let opened = wanted.compactMap { try? SourceInstance(contentsOf: url($0)) }
        guard let first = opened.first else { throw ResultsError.noSource }
        let sources = opened.filter { $0.isOfSamePatient(as: first) }
        var reading = reading
        let known = Set(sources.map(\.sopInstanceUID))
        reading.images.removeAll { !known.contains($0.sopInstanceUID) }
        return (sources, reading)
    }

    private func keep(_ object: ResultObject, in directory: String) throws -> KeptObject {
        let path = "\(directory)/\(object.reference.sopInstanceUID).dcm"
        let descriptor = open(object.file.path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError("open", object.file.path) }
        defer { close(descriptor) }
        try DurableFiles.sync(descriptor: descriptor, path: object.file.path)
        let data = try Data(contentsOf: object.file)
        try DurableFiles.move(from: object.file.path, to: storage.absolute(path))
        return KeptObject(
            result: NewResult(
                kind: object.kindName, sopInstanceUID: object.reference.sopInstanceUID,
                sopClassUID: object.reference.sopClassUID, transferSyntaxUID: TransferSyntax.explicitVRLittleEndian.uid,
                path: path, byteCount: Int64(data.count), sha256: SHA256.hash([UInt8](data)).hex),
            kind: object.reference.kind)
    }
}

/// A revision whose work was taken up again after a later one had its results; they could bear the same UIDs.
struct SupersededRevision: Error, CustomStringConvertible {
    let revision: Int
    let by: Int

    var description: String {
        "Revision \(by) of the study has results already, so none are made of revision \(revision). Nothing is to be done."
    }
}

extension ResultObject {
    /// Tells results that replace each other from revision to revision: kind, class, and the image they belong to.
    fileprivate var kindName: String {
        [reference.kind.rawValue, reference.kind == .findings ? reference.sopClassUID : sourceSOPInstanceUID]
            .compactMap { $0 }.joined(separator: " ")
    }
}
