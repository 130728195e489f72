extension SpeedTable {
    /// What MISO measured (SoCC'22, github.com/boringlee24/socc22-miso, MIT licence): training steps on the profiles of an
    /// A100-40GB, and the memory that the allocator held on a whole GPU, an upper bound. A missing time ran out of memory or
    /// was not run. `dummy` has no times: its jobs run at the pace of their size.
    ///
    /// Gradients are 4 bytes for each parameter: ResNet-50 25.6 million and BERT-base 110 million are their papers' figures;
    /// the others are our assumptions from models of that name, to be replaced with `--speeds`.
    public static let miso = SpeedTable(
        source: "MISO (SoCC'22), A100-40GB; gradients by the number of parameters",
        entries: [
            Entry(
                "resnet", batch: 64, memoryMiB: 9934, gradientMB: 102, [0.04907, 0.03188, 0.02839, 0.02984, 0.02852]),
            Entry(
                "resnet", batch: 128, memoryMiB: 9934, gradientMB: 102, [0.06523, 0.03845, 0.03185, 0.03099, 0.02986]),
            Entry("resnet", batch: 256, memoryMiB: 9934, gradientMB: 102, [0.098, 0.05427, 0.03722, 0.03416, 0.0317]),
            Entry(
                "resnet", batch: 512, memoryMiB: 9934, gradientMB: 102, [0.16479, 0.08823, 0.05649, 0.04926, 0.0369]),
            Entry(
                "mobilenet", batch: 64, memoryMiB: 5614, gradientMB: 17, [0.02339, 0.02095, 0.01951, 0.01928, 0.01895]),
            Entry(
                "mobilenet", batch: 128, memoryMiB: 5614, gradientMB: 17, [0.02889, 0.02395, 0.02111, 0.02079, 0.02044]),
            Entry(
                "mobilenet", batch: 256, memoryMiB: 5614, gradientMB: 17, [0.04388, 0.0307, 0.02644, 0.02557, 0.02456]),
            Entry(
                "mobilenet", batch: 512, memoryMiB: 9710, gradientMB: 17, [0.07897, 0.04718, 0.03549, 0.03339, 0.03143]),
            Entry("bert", batch: 2, memoryMiB: 6340, gradientMB: 440, [nil, 0.12136, 0.07534, 0.06865, 0.04723]),
            Entry("bert", batch: 4, memoryMiB: 10436, gradientMB: 440, [nil, 0.21668, 0.1268, 0.11453, 0.0705]),
            Entry("bert", batch: 6, memoryMiB: 10436, gradientMB: 440, [nil, nil, 0.17651, 0.1608, 0.09659]),
            Entry("bert", batch: 8, memoryMiB: 18628, gradientMB: 440, [nil, nil, 0.23347, 0.21038, 0.12069]),
            Entry(
                "cyclegan", batch: 1, memoryMiB: 5582, gradientMB: 113, [0.59761, 0.31158, 0.20024, 0.18419, 0.1436]),
            Entry("cyclegan", batch: 2, memoryMiB: 9678, gradientMB: 113, [nil, 0.56662, 0.3572, 0.29716, 0.18672]),
            Entry("cyclegan", batch: 3, memoryMiB: 9678, gradientMB: 113, [nil, 0.82864, 0.51593, 0.42946, 0.25221]),
            Entry("cyclegan", batch: 4, memoryMiB: 17870, gradientMB: 113, [nil, nil, 0.68523, 0.57352, 0.33691]),
            Entry(
                "embedding", batch: 64, memoryMiB: 2778, gradientMB: 8, [0.00509, 0.00384, 0.00338, 0.00339, 0.0032]),
            Entry(
                "embedding", batch: 128, memoryMiB: 3802, gradientMB: 8, [0.00738, 0.00485, 0.00376, 0.00368, 0.00339]),
            Entry(
                "embedding", batch: 256, memoryMiB: 7898, gradientMB: 8, [0.01249, 0.00734, 0.00533, 0.00492, 0.00402]),
            Entry(
                "embedding", batch: 512, memoryMiB: 6106, gradientMB: 8, [0.02172, 0.01236, 0.00845, 0.00785, 0.00558]),
            Entry("gnn", batch: 64, memoryMiB: 2224, gradientMB: 2, [0.03235, 0.02013, 0.01532, 0.0141, 0.01184]),
            Entry("gnn", batch: 128, memoryMiB: 2224, gradientMB: 2, [0.06428, 0.03684, 0.02645, 0.02438, 0.01791]),
            Entry("gnn", batch: 256, memoryMiB: 3280, gradientMB: 2, [0.12071, 0.06751, 0.04684, 0.04082, 0.02969]),
            Entry("gnn", batch: 512, memoryMiB: 5328, gradientMB: 2, [nil, 0.12611, 0.08447, 0.07512, 0.05218]),
            Entry(
                "deepspeech2", batch: 2, memoryMiB: 4708, gradientMB: 152,
                [1.0176, 0.56434, 0.40324, 0.34928, 0.30259], isNoisy: true),
            Entry(
                "deepspeech2", batch: 4, memoryMiB: 6756, gradientMB: 152,
                [2.58922, 1.37266, 1.07357, 0.91448, 0.72949], isNoisy: true),
            Entry(
                "deepspeech2", batch: 8, memoryMiB: 5732, gradientMB: 152,
                [3.13093, 0.96296, 0.59257, 0.46277, 0.3697], isNoisy: true),
            Entry(
                "deepspeech2", batch: 16, memoryMiB: 6756, gradientMB: 152, [nil, 1.59971, 0.69554, 0.5578, 0.41361],
                isNoisy: true),
            Entry(
                "transformer", batch: 16, memoryMiB: 3536, gradientMB: 260,
                [0.11534, 0.06073, 0.03733, 0.03389, 0.02101]),
            Entry(
                "transformer", batch: 32, memoryMiB: 5616, gradientMB: 260,
                [0.22499, 0.11607, 0.06902, 0.06203, 0.0369]),
            Entry(
                "transformer", batch: 64, memoryMiB: 9712, gradientMB: 260, [nil, 0.22636, 0.13118, 0.11799, 0.06838]),
            Entry("transformer", batch: 128, memoryMiB: 17904, gradientMB: 260, [nil, nil, 0.25712, 0.23018, 0.13133]),
            Entry("dummy", batch: 32, memoryMiB: 1401, gradientMB: 0, [nil, nil, nil, nil, nil]),
        ])
}
