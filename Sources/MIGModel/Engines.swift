/// The numbers of fixed-function engines of a GPU instance. Every count is 0 or more.
public struct Engines: Hashable, Sendable, Codable {
    /// Copy engines (CE).
    public var copy: Int
    /// Video decoders (NVDEC).
    public var decoder: Int
    /// Video encoders (NVENC).
    public var encoder: Int
    /// JPEG decoders (NVJPG).
    public var jpeg: Int
    /// Optical flow accelerators (OFA).
    public var ofa: Int

    public init(copy: Int, decoder: Int = 0, encoder: Int = 0, jpeg: Int = 0, ofa: Int = 0) {
        self.copy = copy
        self.decoder = decoder
        self.encoder = encoder
        self.jpeg = jpeg
        self.ofa = ofa
    }
}
