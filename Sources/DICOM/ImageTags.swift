// The attributes of image presentation and acquisition that the radiograph is made from, named as in PS3.6.
extension Tag {
    // What the picture shows
    public static let anatomicRegionSequence = Tag(0x0008, 0x2218)
    public static let protocolName = Tag(0x0018, 0x1030)
    public static let acquisitionDeviceProcessingDescription = Tag(0x0018, 0x1400)
    public static let performedProcedureStepDescription = Tag(0x0040, 0x0254)
    public static let requestedProcedureDescription = Tag(0x0032, 0x1060)
    public static let requestedProcedureCodeSequence = Tag(0x0032, 0x1064)
    public static let viewCodeSequence = Tag(0x0054, 0x0220)
    public static let acquisitionDate = Tag(0x0008, 0x0022)

    // Field of view
    public static let fieldOfViewRotation = Tag(0x0018, 0x7032)
    public static let fieldOfViewHorizontalFlip = Tag(0x0018, 0x7034)

    // Display shutter (PS3.3 C.7.6.11, C.7.6.15)
    public static let shutterShape = Tag(0x0018, 0x1600)
    public static let shutterLeftVerticalEdge = Tag(0x0018, 0x1602)
    public static let shutterRightVerticalEdge = Tag(0x0018, 0x1604)
    public static let shutterUpperHorizontalEdge = Tag(0x0018, 0x1606)
    public static let shutterLowerHorizontalEdge = Tag(0x0018, 0x1608)
    public static let centerOfCircularShutter = Tag(0x0018, 0x1610)
    public static let radiusOfCircularShutter = Tag(0x0018, 0x1612)
    public static let verticesOfThePolygonalShutter = Tag(0x0018, 0x1620)
    public static let shutterPresentationValue = Tag(0x0018, 0x1622)
    public static let shutterOverlayGroup = Tag(0x0018, 0x1623)

    // Pixel padding and palette
    public static let pixelPaddingValue = Tag(0x0028, 0x0120)
    public static let pixelPaddingRangeLimit = Tag(0x0028, 0x0121)
    public static let redPaletteDescriptor = Tag(0x0028, 0x1101)
    public static let greenPaletteDescriptor = Tag(0x0028, 0x1102)
    public static let bluePaletteDescriptor = Tag(0x0028, 0x1103)
    public static let redPaletteData = Tag(0x0028, 0x1201)
    public static let greenPaletteData = Tag(0x0028, 0x1202)
    public static let bluePaletteData = Tag(0x0028, 0x1203)

    // Grayscale transformations (PS3.3 C.11)
    public static let windowCenterWidthExplanation = Tag(0x0028, 0x1055)
    public static let voiLUTFunction = Tag(0x0028, 0x1056)
    public static let modalityLUTSequence = Tag(0x0028, 0x3000)
    public static let lutDescriptor = Tag(0x0028, 0x3002)
    public static let lutExplanation = Tag(0x0028, 0x3003)
    public static let lutData = Tag(0x0028, 0x3006)
    public static let voiLUTSequence = Tag(0x0028, 0x3010)
    public static let presentationLUTShape = Tag(0x2050, 0x0020)

    // Overlay planes (PS3.3 C.9.2), by their even group from 6000H to 601EH
    public static func overlayRows(_ group: UInt16) -> Tag { Tag(group, 0x0010) }
    public static func overlayColumns(_ group: UInt16) -> Tag { Tag(group, 0x0011) }
    public static func overlayDescription(_ group: UInt16) -> Tag { Tag(group, 0x0022) }
    public static func overlayType(_ group: UInt16) -> Tag { Tag(group, 0x0040) }
    public static func overlayOrigin(_ group: UInt16) -> Tag { Tag(group, 0x0050) }
    public static func overlayBitsAllocated(_ group: UInt16) -> Tag { Tag(group, 0x0100) }
    public static func overlayBitPosition(_ group: UInt16) -> Tag { Tag(group, 0x0102) }
    public static func overlayLabel(_ group: UInt16) -> Tag { Tag(group, 0x1500) }
    public static func overlayData(_ group: UInt16) -> Tag { Tag(group, 0x3000) }
}
