"""Describe the published data sets in a table of facts.

The publishers' checksums are md5. A sha256 checksum was added for files that were available, and takes precedence.
"""

import string
from difflib import get_close_matches

from sklenet.datasets._published import SUBSETS, Classes, DataSet, File

_DIGITS = tuple(range(10))

_LECUN_1998 = (
    'Y. LeCun, L. Bottou, Y. Bengio, P. Haffner: "Gradient-based learning applied to document recognition". '
    "Proceedings of the IEEE 86(11), 2278–2324, 1998."
)
_CLANUWAT_2018 = (
    "T. Clanuwat, M. Bober-Irizar, A. Kitamoto, A. Lamb, K. Yamamoto, D. Ha: "
    '"Deep Learning for Classical Japanese Literature". arXiv:1812.01718, 2018.'
)
_COHEN_2017 = (
    'G. Cohen, S. Afshar, J. Tapson, A. van Schaik: "EMNIST: an extension of MNIST to handwritten letters". '
    "arXiv:1702.05373, 2017."
)
_YADAV_2019 = 'C. Yadav, L. Bottou: "Cold Case: The Lost MNIST Digits". NeurIPS 2019, arXiv:1905.10498.'

# Small letters whose shapes differ from the capitals have their own classes; the other small letters are merged.
_MERGED = (*string.digits, *string.ascii_uppercase, *"abdefghnqrt")
_IN_ONE_CLASS = "small letters that look like their capital in its class"
_KANA = tuple("あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわゐゑをんゝ")

# Number of characters of each alphabet, in the order of the archives.
_OMNIGLOT_BACKGROUND = {
    "Alphabet_of_the_Magi": 20,
    "Anglo-Saxon_Futhorc": 29,
    "Arcadian": 26,
    "Armenian": 41,
    "Asomtavruli_(Georgian)": 40,
    "Balinese": 24,
    "Bengali": 46,
    "Blackfoot_(Canadian_Aboriginal_Syllabics)": 14,
    "Braille": 26,
    "Burmese_(Myanmar)": 34,
    "Cyrillic": 33,
    "Early_Aramaic": 22,
    "Futurama": 26,
    "Grantha": 43,
    "Greek": 24,
    "Gujarati": 48,
    "Hebrew": 22,
    "Inuktitut_(Canadian_Aboriginal_Syllabics)": 16,
    "Japanese_(hiragana)": 52,
    "Japanese_(katakana)": 47,
    "Korean": 40,
    "Latin": 26,
    "Malay_(Jawi_-_Arabic)": 40,
    "Mkhedruli_(Georgian)": 41,
    "N_Ko": 33,
    "Ojibwe_(Canadian_Aboriginal_Syllabics)": 14,
    "Sanskrit": 42,
    "Syriac_(Estrangelo)": 23,
    "Tagalog": 17,
    "Tifinagh": 55,
}
_OMNIGLOT_EVALUATION = {
    "Angelic": 20,
    "Atemayar_Qelisayer": 26,
    "Atlantean": 26,
    "Aurek-Besh": 26,
    "Avesta": 26,
    "Ge_ez": 26,
    "Glagolitic": 45,
    "Gurmukhi": 45,
    "Kannada": 41,
    "Keble": 26,
    "Malayalam": 47,
    "Manipuri": 40,
    "Mongolian": 30,
    "Old_Church_Slavonic_(Cyrillic)": 45,
    "Oriya": 46,
    "Sylheti": 28,
    "Syriac_(Serto)": 23,
    "Tengwar": 25,
    "Tibetan": 42,
    "ULOG": 26,
}
_OMNIGLOT_CLASSES = tuple(
    f"{alphabet}/character{number:02d}"
    for alphabets in (_OMNIGLOT_BACKGROUND, _OMNIGLOT_EVALUATION)
    for alphabet, n_characters in alphabets.items()
    for number in range(1, n_characters + 1)
)


def _emnist(variant: str, contents: str, classes: Classes, sizes: tuple[int, int], first_label: int = 0) -> DataSet:
    """Describe one of the data sets in EMNIST's archive, whose images are stored transposed."""
    archive = (File("gzip.zip", "58c8d27c78d21e728a6bc7b3cc06412e"),)
    return DataSet(
        title=f"EMNIST {variant}: handwritten {contents}",
        folder="emnist",
        layout="emnist",
        urls=("https://biometrics.nist.gov/cs_links/EMNIST/",),
        files={"train": archive, "test": archive},
        sizes=dict(zip(SUBSETS["all"], sizes, strict=True)),
        image_shape=(28, 28),
        classes=classes,
        licence="none stated; made from NIST Special Database 19",
        citation=_COHEN_2017,
        note="One archive of 536 MiB contains all EMNIST data sets. Its transposed images are turned upright.",
        variant=variant,
        first_label=first_label,
    )


DATASETS: dict[str, DataSet] = {
    "mnist": DataSet(
        title="MNIST: handwritten digits",
        folder="mnist",
        layout="idx",
        urls=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        files={
            "train": (
                File(
                    "train-images-idx3-ubyte.gz",
                    "f68b3c2dcbeaaa9fbdd348bbdeb94873",
                    "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                ),
                File(
                    "train-labels-idx1-ubyte.gz",
                    "d53e105ee54ea40749a09fcbcd1e9432",
                    "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                ),
            ),
            "test": (
                File(
                    "t10k-images-idx3-ubyte.gz",
                    "9fb629c4189551a2d022fa330f9573f3",
                    "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                ),
                File(
                    "t10k-labels-idx1-ubyte.gz",
                    "ec29112dd5afa0611ce80d1b7f02629c",
                    "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
                ),
            ),
        },
        sizes={"train": 60_000, "test": 10_000},
        image_shape=(28, 28),
        classes=_DIGITS,
        licence="CC BY-SA 3.0",
        citation=_LECUN_1998,
        note="The library ships a sample of MNIST: load_mnist_sample.",
    ),
    "fashion_mnist": DataSet(
        title="Fashion-MNIST: pictures of clothing",
        folder="fashion_mnist",
        layout="idx",
        urls=("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
        files={
            "train": (
                File(
                    "train-images-idx3-ubyte.gz",
                    "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
                    "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                ),
                File(
                    "train-labels-idx1-ubyte.gz",
                    "25c81989df183df01b3e8a0aad5dffbe",
                    "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                ),
            ),
            "test": (
                File(
                    "t10k-images-idx3-ubyte.gz",
                    "bef4ecab320f06d8554ea6380940ec79",
                    "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                ),
                File(
                    "t10k-labels-idx1-ubyte.gz",
                    "bb300cfdad3c16e7a12a480ee83cd310",
                    "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
                ),
            ),
        },
        sizes={"train": 60_000, "test": 10_000},
        image_shape=(28, 28),
        classes=(
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ),
        licence="MIT",
        citation=(
            'H. Xiao, K. Rasul, R. Vollgraf: "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning '
            'Algorithms". arXiv:1708.07747, 2017.'
        ),
        note="Clothing instead of characters: tests how a network for characters performs on other images.",
    ),
    "kmnist": DataSet(
        title="Kuzushiji-MNIST: cursive Japanese characters",
        folder="kmnist",
        layout="idx",
        urls=("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
        files={
            "train": (
                File("train-images-idx3-ubyte.gz", "bdb82020997e1d708af4cf47b453dcf7"),
                File("train-labels-idx1-ubyte.gz", "e144d726b3acfaa3e44228e80efcd344"),
            ),
            "test": (
                File(
                    "t10k-images-idx3-ubyte.gz",
                    "5c965bf0a639b31b8f53240b1b52f4d7",
                    "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
                ),
                File(
                    "t10k-labels-idx1-ubyte.gz",
                    "7320c461ea6c1c855c0b718fb2a4b134",
                    "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
                ),
            ),
        },
        sizes={"train": 60_000, "test": 10_000},
        image_shape=(28, 28),
        classes=tuple("おきすつなはまやれを"),
        licence="CC BY-SA 4.0",
        citation=_CLANUWAT_2018,
    ),
    "kuzushiji49": DataSet(
        title="Kuzushiji-49: cursive Japanese characters, all hiragana",
        folder="kuzushiji49",
        layout="npz",
        urls=("http://codh.rois.ac.jp/kmnist/dataset/k49/",),
        files={
            "train": (
                File("k49-train-imgs.npz", "7ac088b20481cf51dcd01ceaab89d821"),
                File("k49-train-labels.npz", "44a8e1b893f81e63ff38d73cad420f7a"),
            ),
            "test": (
                File("k49-test-imgs.npz", "d352e201d846ce6b94f42c990966f374"),
                File("k49-test-labels.npz", "4da6f7a62e67a832d5eb1bd85c5ee448"),
            ),
        },
        sizes={"train": 232_365, "test": 38_547},
        image_shape=(28, 28),
        classes=_KANA,
        licence="CC BY-SA 4.0",
        citation=_CLANUWAT_2018,
        note="The classes are imbalanced; the recommended measure is the balanced accuracy.",
    ),
    "qmnist": DataSet(
        title="QMNIST: MNIST reconstructed, with all 60,000 test digits and the writer of each digit",
        folder="qmnist",
        layout="qmnist",
        urls=("https://raw.githubusercontent.com/facebookresearch/qmnist/master/",),
        files={
            "train": (
                File("qmnist-train-images-idx3-ubyte.gz", "ed72d4157d28c017586c42bc6afe6370"),
                File("qmnist-train-labels-idx2-int.gz", "0058f8dd561b90ffdd0f734c6a30e5e4"),
            ),
            "test": (
                File("qmnist-test-images-idx3-ubyte.gz", "1394631089c404de565df7b7aeaf9412"),
                File("qmnist-test-labels-idx2-int.gz", "5b5b05890a5e13444e108efe57b788aa"),
            ),
        },
        sizes={"train": 60_000, "test": 60_000},
        image_shape=(28, 28),
        classes=_DIGITS,
        licence="BSD-3-Clause",
        citation=_YADAV_2019,
        note="metadata contains the writer of each digit, for GroupKFold, and the other published columns.",
    ),
    "emnist_letters": _emnist(
        "letters",
        "letters, capital and small in one class",
        tuple(string.ascii_uppercase),
        (124_800, 20_800),
        first_label=1,
    ),
    "emnist_balanced": _emnist("balanced", f"digits and letters, {_IN_ONE_CLASS}", _MERGED, (112_800, 18_800)),
    "emnist_digits": _emnist("digits", "digits", _DIGITS, (240_000, 40_000)),
    "emnist_byclass": _emnist(
        "byclass",
        "digits and letters; the classes differ much in size",
        (*string.digits, *string.ascii_uppercase, *string.ascii_lowercase),
        (697_932, 116_323),
    ),
    "emnist_bymerge": _emnist(
        "bymerge",
        f"digits and letters, {_IN_ONE_CLASS}; the classes differ much in size",
        _MERGED,
        (697_932, 116_323),
    ),
    "usps": DataSet(
        title="USPS: handwritten digits of United States' envelopes",
        folder="usps",
        layout="usps",
        urls=("https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass/",),
        files={
            "train": (File("usps.bz2", "ec16c51db3855ca6c91edd34d0e9b197"),),
            "test": (File("usps.t.bz2", "8ea070ee2aca1ac39742fdd1ef5ed118"),),
        },
        sizes={"train": 7_291, "test": 2_007},
        image_shape=(16, 16),
        classes=_DIGITS,
        licence="none stated",
        citation=(
            'J. J. Hull: "A database for handwritten text recognition research". IEEE Transactions on Pattern Analysis '
            "and Machine Intelligence 16(5), 550–554, 1994."
        ),
        note="Published pixels from -1 to 1 are mapped to 0 to 255.",
        first_label=1,
    ),
    "omniglot": DataSet(
        title="Omniglot: characters of 50 alphabets, each drawn by 20 people",
        folder="omniglot",
        layout="omniglot",
        urls=("https://raw.githubusercontent.com/brendenlake/omniglot/master/python/",),
        files={
            "train": (File("images_background.zip", "68d2efa1b9178cc56df9314c21c6e718"),),
            "test": (File("images_evaluation.zip", "6b91aef0f799c5bb55b94e3f2daec811"),),
        },
        sizes={"train": 19_280, "test": 13_180},
        image_shape=(105, 105),
        classes=_OMNIGLOT_CLASSES,
        licence="MIT",
        citation=(
            'B. M. Lake, R. Salakhutdinov, J. B. Tenenbaum: "Human-level concept learning through probabilistic '
            'program induction". Science 350(6266), 1332–1338, 2015.'
        ),
        note=(
            "The training and the test split contain different characters. Images are published black on white; here "
            "the background is 0. metadata contains the drawer of each image."
        ),
    ),
}


def get_dataset(name: str) -> DataSet:
    """Return the data set of a name.

    Raises
    ------
    ValueError
        If the name is unknown. The message suggests similar names.

    Examples
    --------
    >>> get_dataset("mnist").image_shape
    (28, 28)
    """
    if name in list(DATASETS):
        return DATASETS[name]
    similar = get_close_matches(str(name), DATASETS, n=3)
    hint = f"did you mean {' or '.join(map(repr, similar))}? Else " if similar else ""
    raise ValueError(f"unknown data set {name!r}; {hint}choose from {', '.join(DATASETS)}.")
