/// MAIRA-2 (arXiv 2406.04449): a grounded report from the frontal image and, where there is one, the lateral image of the
/// same study. Its third place, a prior frontal image with its report, stays empty: the gateway reads one study.
struct Maira2Driver: FamilyDriver {
    static let family = "maira2"

    let prompts: PromptSet
    var maximumImages: Int { 2 }

    func selection(of images: [ReadingImage]) -> [ReadingImage] {
        Array(images.prefix(1)) + images.dropFirst().filter { $0.projection == .lateral }.prefix(1)
    }
}
