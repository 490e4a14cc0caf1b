/// LLaVA-1.5 and its fine-tunes (arXiv 2310.03744, 2501.15370): free questions; the report is text without boxes.
struct LlavaDriver: FamilyDriver {
    static let family = "llava"

    let prompts: PromptSet
}
