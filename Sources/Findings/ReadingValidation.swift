/// What is wrong with a reading.
public enum ReadingFault: Error, Hashable, Sendable {
    case unsupportedSchema(Int)
    case malformedJSON(String)
    case malformedUID(place: String, value: String)
    case noImages
    case duplicateImage(String)
    case imageSizeOutOfRange(String, rows: Int, columns: Int)
    case frameOutOfRange(place: String, frame: Int)
    case nothingSaid
    case abstentionWithFindings
    case unknownAbstentionReason(String)
    case unknownFinding(finding: String, key: String)
    case malformedCode(finding: String, code: Code)
    case unknownSite(finding: String, key: String)
    case duplicateFindingID(String)
    case unknownFindingID(place: String, id: String)
    case probabilityOutOfRange(finding: String, value: Double)
    case regionNotFinite(finding: String)
    case regionEmpty(finding: String, region: Region)
    case regionOnUnknownImage(finding: String, sopInstanceUID: String, frame: Int)
    case regionOutsideImage(finding: String, region: Region, rows: Int, columns: Int)
    case regionWithoutPresence(finding: String)
    case emptyText(place: String)
    case textTooLong(place: String, characters: Int, limit: Int)
    case forbiddenCharacter(place: String, scalar: UInt32)
    case malformedLanguage(String)
    case tooMany(what: String, count: Int, limit: Int)
}

extension ReadingFault: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unsupportedSchema(let version):
            "schemaVersion \(version) is not supported: this program reads 1 to \(Reading.currentSchemaVersion)."
        case .malformedJSON(let what): "The reading's JSON is malformed at \(what)"
        case .malformedUID(let place, let value): "\(place): \"\(value)\" is not a DICOM UID."
        case .noImages: "The reading has findings or sentences but lists no images."
        case .duplicateImage(let uid): "The image \(uid) is listed twice with the same frame."
        case .imageSizeOutOfRange(let uid, let rows, let columns):
            "The image \(uid) has \(rows) rows and \(columns) columns: both must be 1 to 65535."
        case .frameOutOfRange(let place, let frame): "\(place): frame \(frame) is not counted from 1."
        case .nothingSaid: "The reading holds no finding, no sentence and no abstention."
        case .abstentionWithFindings: "A reading with an abstention must hold no findings and no sentences."
        case .unknownAbstentionReason(let key): "\"\(key)\" is not an abstention reason of the terminology."
        case .unknownFinding(let finding, let key):
            "Finding \(finding): \"\(key)\" is not in the terminology. Give a code object for other concepts."
        case .malformedCode(let finding, let code):
            "Finding \(finding): the code \(code) is empty, too long or holds forbidden characters."
        case .unknownSite(let finding, let key): "Finding \(finding): \"\(key)\" is not a site of the terminology."
        case .duplicateFindingID(let id): "The finding id \"\(id)\" is used twice."
        case .unknownFindingID(let place, let id): "\(place) refers to finding \"\(id)\", which is not there."
        case .probabilityOutOfRange(let finding, let value):
            "Finding \(finding): the probability \(value) is not between 0 and 1."
        case .regionNotFinite(let finding): "Finding \(finding): a region's edge is not a finite number."
        case .regionEmpty(let finding, let region): "Finding \(finding): the region \(region) covers nothing."
        case .regionOnUnknownImage(let finding, let uid, let frame):
            "Finding \(finding): a region lies on image \(uid) frame \(frame), which the reading does not list."
        case .regionOutsideImage(let finding, let region, let rows, let columns):
            "Finding \(finding): the region \(region) leaves the image of \(columns) columns and \(rows) rows."
        case .regionWithoutPresence(let finding): "Finding \(finding) is absent but has a region."
        case .emptyText(let place): "\(place) is empty."
        case .textTooLong(let place, let characters, let limit):
            "\(place) has \(characters) characters; the limit is \(limit)."
        case .forbiddenCharacter(let place, let scalar):
            "\(place) holds the forbidden character U+\(String(scalar, radix: 16, uppercase: true))."
        case .malformedLanguage(let tag): "\"\(tag)\" is not an RFC 5646 language tag."
        case .tooMany(let what, let count, let limit): "\(count) \(what); the limit is \(limit)."
        }
    }
}

/// All that is wrong with a reading.
public struct InvalidReading: Error, CustomStringConvertible, Sendable {
    /// Never empty.
    public let faults: [ReadingFault]
    public var description: String { faults.map(\.description).joined(separator: "\n") }
}

extension Reading {
    /// What a reading may hold at most. Larger ones are a runaway model, not a report.
    public enum Limits {
        /// Characters in one sentence.
        public static let sentence = 10_240
        /// Characters in all sentences together: 1 MB of text is refused.
        public static let narrative = 524_288
        /// Characters in the disclaimer and in an abstention's detail.
        public static let disclaimer = 1_024
        /// Characters in a name, version or digest (LO in DICOM).
        public static let name = 64
        /// Sentences.
        public static let sentences = 1_000
        /// Findings.
        public static let findings = 500
        /// Regions of all findings together.
        public static let regions = 1_000
        /// Images.
        public static let images = 100
        /// Pixels by which a box may stick out of its image before it is wrong rather than rounded.
        public static let overhang = 1.0
    }

    /// The reading with each box that sticks out of its image by at most ``Limits/overhang`` pixels (a rounding error
    /// of a resize) cut at the edge. Boxes further out are left alone, for ``validate(against:)`` to name.
    public func clampingRegions() -> Reading {
        var copy = self
        for finding in copy.findings.indices {
            for index in copy.findings[finding].regions.indices {
                let region = copy.findings[finding].regions[index]
                guard let bounds = image(of: region)?.bounds, region.region.isFinite,
                    region.region.overhang(beyond: bounds) <= Limits.overhang,
                    let inside = region.region.clamped(to: bounds)
                else { continue }
                copy.findings[finding].regions[index].region = inside
            }
        }
        return copy
    }

    /// The reading, boxes clamped, when it is sound. Throws ``InvalidReading`` with every fault otherwise.
    public func validated(against terminology: Terminology = .standard) throws -> Reading {
        let reading = clampingRegions()
        let faults = reading.validate(against: terminology)
        guard faults.isEmpty else { throw InvalidReading(faults: faults) }
        return reading
    }

    /// Every fault of the reading as it stands; empty when it is sound.
    public func validate(against terminology: Terminology = .standard) -> [ReadingFault] {
        var faults: [ReadingFault] = []
        if !(1...Self.currentSchemaVersion).contains(schemaVersion) { faults.append(.unsupportedSchema(schemaVersion)) }
        if !isUID(studyInstanceUID) {
            faults.append(.malformedUID(place: "studyInstanceUID", value: studyInstanceUID))
        }
        checkImages(&faults)
        checkSentences(&faults)
        checkFindings(terminology, &faults)
        checkAbstention(terminology, &faults)
        for (place, text) in [
            ("model.name", model.name), ("model.version", model.version), ("model.manufacturer", model.manufacturer),
        ] {
            checkText(text, place, limit: Limits.name, lineBreaks: false, &faults)
        }
        checkText(model.weightsDigest, "model.weightsDigest", limit: 2 * Limits.name + 16, lineBreaks: false, &faults)
        checkText(disclaimer, "disclaimer", limit: Limits.disclaimer, &faults)
        if !isLanguageTag(language) { faults.append(.malformedLanguage(language)) }
        return faults
    }

    private func checkImages(_ faults: inout [ReadingFault]) {
        if images.count > Limits.images {
            faults.append(.tooMany(what: "images", count: images.count, limit: Limits.images))
        }
        var seen: Set<ImageRegionKey> = []
        for (index, image) in images.enumerated() {
            let place = "images[\(index)]"
            for (name, uid) in [
                ("sopClassUID", image.sopClassUID), ("sopInstanceUID", image.sopInstanceUID),
                ("seriesInstanceUID", image.seriesInstanceUID),
            ] where !isUID(uid) {
                faults.append(.malformedUID(place: "\(place).\(name)", value: uid))
            }
            if image.frame < 1 { faults.append(.frameOutOfRange(place: place, frame: image.frame)) }
            if !(1...65535).contains(image.rows) || !(1...65535).contains(image.columns) {
                faults.append(
                    .imageSizeOutOfRange(image.sopInstanceUID, rows: image.rows, columns: image.columns))
            }
            if !seen.insert(ImageRegionKey(uid: image.sopInstanceUID, frame: image.frame)).inserted {
                faults.append(.duplicateImage(image.sopInstanceUID))
            }
        }
    }

    private func checkSentences(_ faults: inout [ReadingFault]) {
        if sentences.count > Limits.sentences {
            faults.append(.tooMany(what: "sentences", count: sentences.count, limit: Limits.sentences))
        }
        let total = sentences.reduce(0) { $0 + $1.text.unicodeScalars.count }
        if total > Limits.narrative {
            faults.append(.textTooLong(place: "The narrative", characters: total, limit: Limits.narrative))
        }
        let ids = Set(findings.map(\.id))
        for (index, sentence) in sentences.enumerated() {
            checkText(sentence.text, "sentences[\(index)].text", limit: Limits.sentence, &faults)
            for id in sentence.findings where !ids.contains(id) {
                faults.append(.unknownFindingID(place: "sentences[\(index)]", id: id))
            }
        }
    }

    private func checkFindings(_ terminology: Terminology, _ faults: inout [ReadingFault]) {
        if findings.count > Limits.findings {
            faults.append(.tooMany(what: "findings", count: findings.count, limit: Limits.findings))
        }
        let regions = findings.reduce(0) { $0 + $1.regions.count }
        if regions > Limits.regions {
            faults.append(.tooMany(what: "regions", count: regions, limit: Limits.regions))
        }
        var seen: Set<String> = []
        for (index, finding) in findings.enumerated() {
            checkText(finding.id, "findings[\(index)].id", limit: Limits.name, lineBreaks: false, &faults)
            if !seen.insert(finding.id).inserted { faults.append(.duplicateFindingID(finding.id)) }
            switch finding.concept {
            case .term(let key):
                if terminology.finding(key) == nil { faults.append(.unknownFinding(finding: finding.id, key: key)) }
            case .code(let code):
                if !code.isWellFormed { faults.append(.malformedCode(finding: finding.id, code: code)) }
            }
            if let site = finding.site, terminology.site(site) == nil {
                faults.append(.unknownSite(finding: finding.id, key: site))
            }
            if let value = finding.probability?.value, !(value >= 0 && value <= 1) {
                faults.append(.probabilityOutOfRange(finding: finding.id, value: value))
            }
            if finding.polarity == .absent, !finding.regions.isEmpty {
                faults.append(.regionWithoutPresence(finding: finding.id))
            }
            for region in finding.regions { check(region, of: finding.id, &faults) }
        }
    }

    private func check(_ region: ImageRegion, of finding: String, _ faults: inout [ReadingFault]) {
        guard region.region.isFinite else { return faults.append(.regionNotFinite(finding: finding)) }
        if region.region.isEmpty { faults.append(.regionEmpty(finding: finding, region: region.region)) }
        guard let image = image(of: region) else {
            return faults.append(
                .regionOnUnknownImage(finding: finding, sopInstanceUID: region.sopInstanceUID, frame: region.frame))
        }
        if !image.bounds.contains(region.region) {
            faults.append(
                .regionOutsideImage(
                    finding: finding, region: region.region, rows: image.rows, columns: image.columns))
        }
    }

    private func checkAbstention(_ terminology: Terminology, _ faults: inout [ReadingFault]) {
        if let abstention {
            if terminology.abstentionReason(abstention.reason) == nil {
                faults.append(.unknownAbstentionReason(abstention.reason))
            }
            if let detail = abstention.detail {
                checkText(detail, "abstention.detail", limit: Limits.disclaimer, &faults)
            }
            if !findings.isEmpty || !sentences.isEmpty { faults.append(.abstentionWithFindings) }
        } else {
            if findings.isEmpty && sentences.isEmpty { faults.append(.nothingSaid) }
            if images.isEmpty { faults.append(.noImages) }
        }
    }
}

private struct ImageRegionKey: Hashable {
    let uid: String
    let frame: Int
}

/// Text that a person reads: not blank, not endless, and free of control characters other than line feed and tab, and
/// of the bidirectional controls that could make words appear in another order than they are stored.
private func checkText(
    _ text: String, _ place: String, limit: Int, lineBreaks: Bool = true, _ faults: inout [ReadingFault]
) {
    if text.allSatisfy(\.isWhitespace) { faults.append(.emptyText(place: place)) }
    let count = text.unicodeScalars.count
    if count > limit { faults.append(.textTooLong(place: place, characters: count, limit: limit)) }
    for scalar in text.unicodeScalars {
        let isBreak = scalar == "\n" || scalar == "\t"
        let isBidirectional = (0x202A...0x202E).contains(scalar.value) || (0x2066...0x2069).contains(scalar.value)
        let isControl = scalar.properties.generalCategory == .control && !(isBreak && lineBreaks)
        if isControl || isBidirectional || scalar.properties.isNoncharacterCodePoint {
            faults.append(.forbiddenCharacter(place: place, scalar: scalar.value))
            return
        }
    }
}

/// PS3.5 section 9.1: at most 64 characters, components of digits without leading zeros.
private func isUID(_ text: String) -> Bool {
    guard (1...64).contains(text.utf8.count) else { return false }
    return text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { part in
        !part.isEmpty && part.utf8.allSatisfy { (0x30...0x39).contains($0) } && (part == "0" || part.first != "0")
    }
}

/// The shape of an RFC 5646 tag: a language of 2-8 letters, then subtags of 1-8 letters or digits.
private func isLanguageTag(_ text: String) -> Bool {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard let language = parts.first, (2...8).contains(language.utf8.count) else { return false }
    guard language.allSatisfy({ $0.isASCII && $0.isLetter }) else { return false }
    return parts.dropFirst().allSatisfy { part in
        (1...8).contains(part.utf8.count) && part.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) }
    }
}
