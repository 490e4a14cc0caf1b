import Cryptography
import Foundation
import GRDB

/// Checks the sealed segments of a log: their signed statements always, their files where a directory is given.
struct SegmentVerifier {
    let directory: URL?

    /// Moves `start` to the place after the last segment.
    func verify(
        _ db: Database, from start: inout ChainPosition, heads: inout HeadCursor, keys: KeyRing,
        report: inout VerificationReport
    ) throws {
        for segment in try AuditRetention.segments(in: db) {
            report.segmentCount += 1
            guard segment.sequences.lowerBound == start.sequence + 1, segment.previousHash == start.hash else {
                report.fault(
                    .alteredSegment, segment.sequences.lowerBound,
                    "sealed segment \(segment.number) does not follow record \(start.sequence)")
                return
            }
            let body = Array(segment.statement(log: report.log).body.utf8)
            guard let key = keys[segment.key], key.isValid(signature: segment.signature, for: body) else {
                report.fault(
                    .alteredSegment, segment.sequences.lowerBound,
                    "the seal of segment \(segment.number) was not signed by a key of this log, or was altered")
                return
            }
            let end = ChainPosition(sequence: segment.sequences.upperBound, hash: segment.lastHash)
            if let directory {
                let file = directory.appendingPathComponent(segment.fileName)
                guard verify(file, segment: segment, from: start, heads: &heads, report: &report) else { return }
                report.segmentFilesRead += 1
            } else {
                heads.skip(through: end.sequence - 1, &report)
                guard heads.check(end, &report) else { return }
            }
            start = end
        }
    }

    private func verify(
        _ file: URL, segment: AuditRetention.Segment, from start: ChainPosition, heads: inout HeadCursor,
        report: inout VerificationReport
    ) -> Bool {
        do {
            var reader = try SegmentFile.Reader(file)
            var position = start
            while let (form, stored) = try reader.next() {
                let hash = SHA256.hash(position.hash.bytes + form)
                let sequence = CanonicalForm(form)?.sequence
                guard hash == stored, sequence == position.sequence + 1 else {
                    report.fault(
                        .alteredRecord, position.sequence + 1,
                        "record \(position.sequence + 1) in \(file.lastPathComponent) is not what was written")
                    return false
                }
                position = ChainPosition(sequence: position.sequence + 1, hash: hash)
                report.recordCount += 1
                guard heads.check(position, &report) else { return false }
            }
            guard position.sequence == segment.sequences.upperBound, position.hash == segment.lastHash,
                reader.digest.hex == segment.fileSHA256
            else {
                report.fault(
                    .alteredSegment, segment.sequences.lowerBound,
                    "\(file.lastPathComponent) is not the file that was sealed as segment \(segment.number)")
                return false
            }
            return true
        } catch {
            report.fault(.alteredSegment, segment.sequences.lowerBound, "\(error)")
            return false
        }
    }
}
