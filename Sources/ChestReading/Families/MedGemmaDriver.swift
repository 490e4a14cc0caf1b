/// MedGemma (Gemma 3 with vision): a report from a plain request with the study's context; no boxes.
struct MedGemmaDriver: FamilyDriver {
    static let family = "gemma3"

    let prompts: PromptSet
}
