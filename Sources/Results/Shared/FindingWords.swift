import Findings

/// How findings are put into words for labels, lists and generated sentences.
struct FindingWords {
    let terminology: Terminology

    /// "Pleural effusion": the concept's name.
    func name(_ finding: Finding) -> String {
        switch finding.concept {
        case .term(let key): terminology.finding(key)?.name ?? key
        case .code(let code): code.meaning
        }
    }

    /// "Nodule, right upper zone, mild, possible": everything that the reading says beyond polarity and probability.
    func text(_ finding: Finding) -> String {
        let parts = [name(finding), place(finding), finding.severity?.rawValue, doubt(finding)]
        return DICOMText.line(parts.compactMap { $0 }.joined(separator: ", "))
    }

    /// "Nodule R" for a box on an image.
    func shortText(_ finding: Finding) -> String {
        let label = terminology.shortLabel(of: finding.concept) ?? name(finding)
        let side: String? =
            switch finding.laterality {
            case .right: "R"
            case .left: "L"
            case .bilateral: "R+L"
            case nil: nil
            }
        let question = finding.polarity == .undetermined ? "?" : nil
        return DICOMText.line([label, side, question].compactMap { $0 }.joined(separator: " "), limit: 40)
    }

    /// " 91%" when the model gives a calibrated probability, else nothing: a number is never invented.
    func percentage(_ finding: Finding) -> String {
        guard let probability = finding.probability, probability.calibrated else { return "" }
        return " \(Int((probability.value * 100).rounded()))%"
    }

    /// A sentence for readings that bring findings without prose.
    func sentence(_ finding: Finding) -> String {
        if finding.concept == .term("no_finding"), finding.polarity == .present { return "No abnormality found." }
        let polarity =
            switch finding.polarity {
            case .present: "present"
            case .absent: "absent"
            case .undetermined: "cannot be determined"
            }
        return "\(text(finding)): \(polarity)\(percentage(finding))."
    }

    private func place(_ finding: Finding) -> String? {
        let side: String? =
            switch finding.laterality {
            case .right: "right"
            case .left: "left"
            case .bilateral: "bilateral"
            case nil: nil
            }
        guard let key = finding.site, let site = terminology.site(key), site.key != defaultSite(finding) else {
            return side
        }
        let name = site.name.lowercased()
        // "right middle lobe" names its side already.
        guard let side, !name.hasPrefix(side) else { return name }
        return "\(side) \(name)"
    }

    private func defaultSite(_ finding: Finding) -> String? {
        guard case .term(let key) = finding.concept else { return nil }
        return terminology.finding(key)?.site
    }

    private func doubt(_ finding: Finding) -> String? {
        guard let certainty = finding.certainty, certainty != .certain else { return nil }
        return certainty.rawValue
    }
}
