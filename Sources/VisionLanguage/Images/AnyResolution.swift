/// Any-resolution tiling of LLaVA-NeXT and LLaVA-OneVision: the whole image at the encoder's size, then the image at
/// the best of several grids of tiles. Source: Hugging Face transformers, `LlavaOnevisionImageProcessor`.
enum AnyResolution {
    /// The grid (of at least one) that keeps the most of the image's pixels, and of those the one that wastes the fewest of its own.
    static func bestGrid(
        width: Int, height: Int, in grids: [(height: Int, width: Int)]
    ) -> (height: Int, width: Int) {
        var best = grids[0]
        var greatest = 0
        var least = Int.max
        for grid in grids {
            let scale = min(Double(grid.width) / Double(width), Double(grid.height) / Double(height))
            let (scaledWidth, scaledHeight) = (Int(Double(width) * scale), Int(Double(height) * scale))
            let effective = min(scaledWidth * scaledHeight, width * height)
            let wasted = grid.width * grid.height - effective
            if effective > greatest || (effective == greatest && wasted < least) {
                (best, greatest, least) = (grid, effective, wasted)
            }
        }
        return best
    }

    /// The size of the image when it is fitted into a grid, rounded up.
    static func fittedSize(width: Int, height: Int, in grid: (height: Int, width: Int)) -> (width: Int, height: Int) {
        let scaleX = Double(grid.width) / Double(width)
        let scaleY = Double(grid.height) / Double(height)
        if scaleX < scaleY {
            return (grid.width, min(Int((Double(height) * scaleX).rounded(.up)), grid.height))
        }
        return (min(Int((Double(width) * scaleY).rounded(.up)), grid.width), grid.height)
    }

    /// The whole image and, where a grid is allowed, its tiles row by row.
    static func tiles(
        of image: ImageBuffer, in grids: [(height: Int, width: Int)], tileWidth: Int, tileHeight: Int,
        filter: ResamplingFilter
    ) -> [(ImageBuffer, ImageGeometry.View)] {
        var whole = ImageGeometry.View(source: image.width, image.height)
        var canvasView = whole
        whole.resize(width: tileWidth, height: tileHeight)
        var tiles = [(image.resized(width: tileWidth, height: tileHeight, filter: filter), whole)]

        guard !grids.isEmpty else { return tiles }
        let grid = bestGrid(width: image.width, height: image.height, in: grids)
        let fitted = fittedSize(width: image.width, height: image.height, in: grid)
        let (left, top) = ((grid.width - fitted.width) / 2, (grid.height - fitted.height) / 2)
        canvasView.resize(width: fitted.width, height: fitted.height)
        canvasView.crop(left: -left, top: -top, width: grid.width, height: grid.height)
        let canvas = image.resized(width: fitted.width, height: fitted.height, filter: filter)
            .cropped(left: -left, top: -top, width: grid.width, height: grid.height, background: [0, 0, 0])
        for row in stride(from: 0, to: grid.height, by: tileHeight) {
            for column in stride(from: 0, to: grid.width, by: tileWidth) {
                var view = canvasView
                view.crop(left: column, top: row, width: tileWidth, height: tileHeight)
                tiles.append(
                    (
                        canvas.cropped(
                            left: column, top: row, width: tileWidth, height: tileHeight, background: [0, 0, 0]), view
                    ))
            }
        }
        return tiles
    }
}
