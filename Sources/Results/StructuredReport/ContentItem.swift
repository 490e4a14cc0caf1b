import Findings

/// One item of an SR content tree (PS3.3 C.17.3).
struct ContentItem {
    /// How an item relates to the one above (PS3.3 Table C.17.3-8).
    enum Relationship: String {
        case contains = "CONTAINS"
        case hasConceptModifier = "HAS CONCEPT MOD"
        case hasObservationContext = "HAS OBS CONTEXT"
        case hasAcquisitionContext = "HAS ACQ CONTEXT"
        case inferredFrom = "INFERRED FROM"
        case selectedFrom = "SELECTED FROM"
    }

    /// What an item says.
    enum Value {
        case container(template: String?)
        case text(String)
        case code(Code)
        /// A decimal string and its unit.
        case number(String, unit: Code)
        case uidReference(String)
        case date(String)
        case time(String)
        case image(SourceImage)
        /// A closed polyline; x before y for each point.
        case polyline([Int])
    }

    /// nil for the root.
    let relationship: Relationship?
    let name: Code?
    let value: Value
    var children: [ContentItem]

    /// The root of a document.
    static func root(_ name: Code, template: String, children: [ContentItem]) -> ContentItem {
        ContentItem(relationship: nil, name: name, value: .container(template: template), children: children)
    }

    static func container(
        _ name: Code, template: String? = nil, _ children: [ContentItem]
    ) -> ContentItem {
        ContentItem(relationship: .contains, name: name, value: .container(template: template), children: children)
    }

    static func text(
        _ name: Code, _ text: String, _ relationship: Relationship = .contains, _ children: [ContentItem] = []
    ) -> ContentItem {
        ContentItem(relationship: relationship, name: name, value: .text(text), children: children)
    }

    static func code(
        _ name: Code, _ code: Code, _ relationship: Relationship = .contains, _ children: [ContentItem] = []
    ) -> ContentItem {
        ContentItem(relationship: relationship, name: name, value: .code(code), children: children)
    }

    static func number(
        _ name: Code, _ value: String, unit: Code, _ relationship: Relationship = .contains,
        _ children: [ContentItem] = []
    ) -> ContentItem {
        ContentItem(
            relationship: relationship, name: name, value: .number(value, unit: unit), children: children)
    }

    static func uidReference(_ name: Code, _ uid: String, _ relationship: Relationship) -> ContentItem {
        ContentItem(relationship: relationship, name: name, value: .uidReference(uid), children: [])
    }

    static func image(
        _ name: Code?, _ image: SourceImage, _ relationship: Relationship, _ children: [ContentItem] = []
    ) -> ContentItem {
        ContentItem(relationship: relationship, name: name, value: .image(image), children: children)
    }
}
