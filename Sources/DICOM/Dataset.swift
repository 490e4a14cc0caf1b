import CDCMTK

/// A dataset, a sequence item or the file meta information. Keeps its file alive; changes are seen by all copies.
public struct Dataset {
    let file: DICOMFile
    let handle: OpaquePointer

    /// Whether the element is there, with or without a value.
    public func contains(_ tag: Tag) -> Bool {
        cxr_item_contains(handle, tag.code)
    }

    /// The elements at this level in tag order, with their value representations.
    public var elements: [(tag: Tag, vr: String)] {
        (0..<cxr_item_count(handle)).compactMap { index in
            var code: cxr_tag = 0
            var vr: (CChar, CChar, CChar) = (0, 0, 0)
            let found = withUnsafeMutablePointer(to: &vr) {
                $0.withMemoryRebound(to: CChar.self, capacity: 3) { cxr_item_element(handle, index, &code, $0) }
            }
            guard found else { return nil }
            let letters = [vr.0, vr.1].map { UInt8(bitPattern: $0) }
            return (Tag(code: code), String(decoding: letters, as: UTF8.self))
        }
    }

    // MARK: - Reading

    /// The whole value as text: values separated by backslashes, padding removed, numbers formatted.
    ///
    /// Text of an unconverted dataset is taken as UTF-8 with replacement characters; see `DICOMFile.convertToUTF8`.
    /// `nil` when the element is absent or empty.
    public func text(_ tag: Tag) -> String? {
        guard let text = cxr_item_text(handle, tag.code) else { return nil }
        defer { cxr_text_free(text) }
        let string = String(cString: text)
        return string.isEmpty ? nil : string
    }

    /// The values of a multi-valued element, padding removed from each. Empty when absent.
    public func texts(_ tag: Tag) -> [String] {
        guard let text = text(tag) else { return [] }
        return text.split(separator: "\\", omittingEmptySubsequences: false).map { value in
            var value = value
            while value.first == " " { value.removeFirst() }
            while value.last == " " { value.removeLast() }
            return String(value)
        }
    }

    /// The first value as a number; `nil` when absent or not a finite number.
    public func double(_ tag: Tag) -> Double? {
        doubles(tag)?.first
    }

    /// All values as numbers; `nil` when absent or when any of them is not a finite number.
    public func doubles(_ tag: Tag) -> [Double]? {
        let values = texts(tag)
        let numbers = values.compactMap { Double($0) }.filter(\.isFinite)
        return values.isEmpty || numbers.count != values.count ? nil : numbers
    }

    /// The first value as an integer; `nil` when absent or not an integer.
    public func int(_ tag: Tag) -> Int? {
        texts(tag).first.flatMap { Int($0) }
    }

    /// The value bytes: numbers of 16 bits and more in host order, text with its padding. `nil` when absent or empty.
    public func bytes(_ tag: Tag) -> [UInt8]? {
        withBytes(tag) { Array($0) }
    }

    /// Calls `body` with the value bytes without copying them; `nil` when the element is absent or empty.
    public func withBytes<Result>(_ tag: Tag, _ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result? {
        var pointer: UnsafePointer<UInt8>?
        var count = 0
        guard cxr_item_bytes(handle, tag.code, &pointer, &count) else { return nil }
        return try body(UnsafeRawBufferPointer(start: pointer, count: count))
    }

    /// The items of a sequence; empty when it is absent or not a sequence.
    public func items(_ tag: Tag) -> [Dataset] {
        (0..<cxr_item_sequence_count(handle, tag.code)).compactMap { index in
            cxr_item_sequence_item(handle, tag.code, index).map { Dataset(file: file, handle: $0) }
        }
    }

    // MARK: - Writing

    /// Replaces or inserts an element from text; several values are separated by backslashes.
    ///
    /// - Parameter vr: Needed for private attributes; otherwise the data dictionary's.
    /// - Throws: `DICOMError.invalidValue`.
    public func set(_ tag: Tag, _ text: String, vr: String? = nil) throws {
        var message = cxr_message()
        try check(cxr_item_put_text(handle, tag.code, vr, text, &message), tag, message)
    }

    /// Replaces or inserts a numeric element.
    ///
    /// - Throws: `DICOMError.invalidValue`.
    public func set(_ tag: Tag, _ number: Int, vr: String? = nil) throws {
        try set(tag, String(number), vr: vr)
    }

    /// Replaces or inserts an element from value bytes (numbers of 16 bits and more in host order).
    ///
    /// - Throws: `DICOMError.invalidValue`.
    public func set(_ tag: Tag, bytes: some Sequence<UInt8>, vr: String? = nil) throws {
        var message = cxr_message()
        let bytes = Array(bytes)
        try check(cxr_item_put_bytes(handle, tag.code, vr, bytes, bytes.count, &message), tag, message)
    }

    /// Appends an empty item to a sequence, making the sequence when it is absent.
    ///
    /// - Throws: `DICOMError.invalidValue` when the element is not a sequence.
    public func appendItem(_ tag: Tag) throws -> Dataset {
        var message = cxr_message()
        guard let item = cxr_item_append(handle, tag.code, &message) else {
            throw DICOMError.invalidValue(tag: tag, reason: message.string)
        }
        return Dataset(file: file, handle: item)
    }

    /// Inserts a sequence without items (a Type 2 sequence), replacing what was there.
    ///
    /// - Throws: `DICOMError.invalidValue`.
    public func setEmptySequence(_ tag: Tag) throws {
        var message = cxr_message()
        try check(cxr_item_put_empty_sequence(handle, tag.code, &message), tag, message)
    }

    /// Copies one element, with everything below it, byte for byte.
    ///
    /// - Returns: `false` when the source does not have it; then nothing changes here.
    @discardableResult
    public func copy(_ tag: Tag, from source: Dataset) -> Bool {
        cxr_item_copy(handle, source.handle, tag.code)
    }

    /// Removes an element.
    public func remove(_ tag: Tag) {
        cxr_item_remove(handle, tag.code)
    }

    private func check(_ good: Bool, _ tag: Tag, _ message: cxr_message) throws {
        if !good {
            throw DICOMError.invalidValue(tag: tag, reason: message.string)
        }
    }
}
