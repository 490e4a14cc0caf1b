/// The project's own model (`Training/LAYOUT.md`).
///
/// It is asked for the grounded report only, in the one form in which it learned it: without an indication, first in its
/// conversation. The classification head speaks beside it; see ``HeadEvidence``.
struct ReferenceDriver: FamilyDriver {
    static let family = "cxr_reference"
    static let hasClassificationHead = true

    let prompts: PromptSet
}
