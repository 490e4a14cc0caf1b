/// LLaVA-Rad (arXiv 2403.08002): findings from a frontal image and the indication, no boxes.
struct LlavaRadDriver: FamilyDriver {
    static let family = "llava_rad"

    let prompts: PromptSet
}
