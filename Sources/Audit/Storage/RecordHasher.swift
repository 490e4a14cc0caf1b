import Cryptography

/// The chain's hash function: SHA-256 over the previous record's hash and a record's canonical form.
///
/// Canonical form, integers little-endian: `CXRA` and the form's version (1) in 5 bytes; sequence, time, event and
/// outcome in 8 bytes each, as wide as SQLite stores them; then each text column of ``AuditRecord/columns`` from `patient_id` to
/// `detail` as a 4-byte byte count and its UTF-8 bytes, `FFFFFFFF` standing for NULL. Lengths come first so that no
/// two different records have the same form.
final class RecordHasher {
    /// Text columns in a record.
    static let textColumnCount = 11

    private var buffer: UnsafeMutableRawBufferPointer
    private var count = 0

    init() {
        buffer = .allocate(byteCount: 4096, alignment: 16)
    }

    deinit {
        buffer.deallocate()
    }

    /// Begins a record that follows the record with hash `previous`.
    func begin(previous: Digest, sequence: Int64, time: Int64, event: Int64, outcome: Int64) {
        count = 0
        previous.bytes.withUnsafeBytes(append)
        appendInteger(UInt32(0x4152_5843))
        appendInteger(UInt8(1))
        appendInteger(sequence)
        appendInteger(time)
        appendInteger(event)
        appendInteger(outcome)
    }

    /// Adds the next text column.
    func add(_ text: UnsafeRawBufferPointer?) {
        guard let text else { return appendInteger(UInt32.max) }
        appendInteger(UInt32(text.count))
        append(text)
    }

    /// Adds the next text column.
    func add(_ text: String?) {
        guard var text else { return add(nil as UnsafeRawBufferPointer?) }
        text.withUTF8 { add(UnsafeRawBufferPointer($0)) }
    }

    /// The record's hash.
    func finish() -> Digest {
        SHA256.hash(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    }

    /// The canonical form without the previous hash.
    var canonicalForm: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: buffer[SHA256.byteCount..<count])
    }

    private func appendInteger(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.littleEndian, append)
    }

    private func append(_ bytes: UnsafeRawBufferPointer) {
        if count + bytes.count > buffer.count { grow(to: count + bytes.count) }
        if let source = bytes.baseAddress {
            (buffer.baseAddress.unsafelyUnwrapped + count).copyMemory(from: source, byteCount: bytes.count)
            count += bytes.count
        }
    }

    private func grow(to needed: Int) {
        let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: max(needed, buffer.count * 2), alignment: 16)
        larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        buffer.deallocate()
        buffer = larger
    }
}
