import CDCMTK
import Foundation

/// A DICOM file in memory: file meta information and dataset (PS3.10).
///
/// Not thread-safe: one owner at a time.
public final class DICOMFile {
    let handle: OpaquePointer

    /// An empty file.
    public init() {
        guard let handle = cxr_file_new() else { preconditionFailure("out of memory") }
        self.handle = handle
    }

    /// Reads a file with or without preamble and meta information.
    ///
    /// - Parameters:
    ///   - url: The file.
    ///   - stop: Ends the reading before the first root element with this tag or a higher one.
    ///   - maximumElementBytes: Longer elements stay on disk until they are asked for.
    /// - Throws: `DICOMError.unreadable`.
    public init(contentsOf url: URL, before stop: Tag? = nil, maximumElementBytes: UInt32 = 4096) throws {
        var message = cxr_message()
        guard let handle = cxr_file_read(url.path, maximumElementBytes, stop?.code ?? 0, &message) else {
            throw DICOMError.unreadable(file: url.lastPathComponent, reason: message.string)
        }
        self.handle = handle
    }

    /// Reads a file from memory.
    ///
    /// - Throws: `DICOMError.unreadable`.
    public init(bytes: [UInt8], before stop: Tag? = nil) throws {
        var message = cxr_message()
        guard let handle = cxr_file_read_memory(bytes, bytes.count, stop?.code ?? 0, &message) else {
            throw DICOMError.unreadable(file: "a file in memory", reason: message.string)
        }
        self.handle = handle
    }

    deinit {
        cxr_file_free(handle)
    }

    /// The dataset.
    public var dataset: Dataset {
        Dataset(file: self, handle: cxr_file_dataset(handle))
    }

    /// The file meta information.
    public var meta: Dataset {
        Dataset(file: self, handle: cxr_file_meta(handle))
    }

    /// The Transfer Syntax UID that the dataset was read in; empty for a new file.
    public var transferSyntaxUID: String {
        String(cString: cxr_file_transfer_syntax(handle))
    }

    /// Converts every text element to UTF-8 and sets Specific Character Set to `ISO_IR 192`.
    ///
    /// - Throws: `DICOMError.characterSet` when the declared character set is unknown or the text does not fit it.
    public func convertToUTF8() throws {
        var message = cxr_message()
        guard cxr_file_convert_to_utf8(handle, &message) else {
            throw DICOMError.characterSet(reason: message.string)
        }
    }

    /// Writes the file with new meta information of this gateway.
    ///
    /// - Throws: `DICOMError.unwritable`.
    public func write(to url: URL, transferSyntax: TransferSyntax = .explicitVRLittleEndian) throws {
        var message = cxr_message()
        guard
            cxr_file_write(
                handle, url.path, transferSyntax.uid, Implementation.classUID, Implementation.versionName, &message)
        else {
            throw DICOMError.unwritable(file: url.lastPathComponent, reason: message.string)
        }
    }
}

extension cxr_message {
    /// The text up to its NUL.
    var string: String {
        withUnsafeBytes(of: text) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
