"""The words of a language, and whether the fonts have its letters.

Vocabularies are faker's word lists, sorted and cut to plain words, so that they do not depend on a process. A language
is refused when a face of ``FACES`` lacks a letter of its words (read from the face's own character map), or when it is
written from right to left, which needs shaping that the drawing does not do.
"""

import random
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from docexp.documents.synthetic.glyphs import FACES, letters_of
from docexp.documents.synthetic.phrases import PHRASES, Phrases
from docexp.errors import DocexpError, choice
from docexp.settings import shown

LOCALES = {
    "en": "en_US",
    "de": "de_DE",
    "fr": "fr_FR",
    "es": "es_ES",
    "it": "it_IT",
    "pt": "pt_PT",
    "el": "el_GR",
    "ru": "ru_RU",
    "ar": "ar_AA",
    "he": "he_IL",
    "ja": "ja_JP",
    "th": "th_TH",
    "zh": "zh_CN",
}
"""The faker locale of each language; the last five have no pages: they are refused for what they lack."""

PORTUGUESE = (
    "a acordo agora ainda algo alto amigo ano antes apenas aqui areia arte assim através azul baixo barco base "
    "bem bom branco cada café caminho campo carta casa cedo centro certo chuva cidade cinco claro coisa comum "
    "conta corpo cor costa dado data debaixo dentro depois desde dez dia direito dizer dois duas durante efeito "
    "então entre escola escrita espaço esta estrada exemplo fácil família feira ferro festa fim flor folha fonte "
    "forma frente fundo gente grande grupo hoje homem hora ideia igual ilha inverno jardim jogo jornal junto lado "
    "lago língua linha livro logo longe lugar luz madeira maior manhã mapa mar mesa mesmo metade monte mundo muro "
    "música nada navio neve noite nome norte nova número obra oito olhar ordem outro ouro padrão página palavra "
    "pão papel parte passo pedra peixe pequeno perto plano ponte porta porto pouco praça praia prata preço "
    "primeiro prova quadro quando quatro quase rede região regra rio rosa roupa rua sala saúde século semana "
    "sempre serra sete sinal sol sombra sul tarde teatro tempo terra trabalho três troca uva vale vela velho "
    "vento verão verde vez viagem vida vila vinho vista volta voz"
)
"""Written here: faker has no Portuguese word list."""


@dataclass(frozen=True)
class Vocabulary:
    """Everything that pages of a language are written with."""

    language: str
    words: tuple[str, ...]
    given_names: tuple[str, ...]
    family_names: tuple[str, ...]
    cities: tuple[str, ...]
    phrases: Phrases

    def name(self, rng: random.Random) -> list[str]:
        """A person's given and family name."""
        return [rng.choice(self.given_names), rng.choice(self.family_names)]


@lru_cache(maxsize=len(LOCALES))
def vocabulary(language: str) -> Vocabulary:
    """The words of ``language``, the same in every process under one version of faker.

    Raises:
        DocexpError: the fonts lack a letter of it, or it is written from right to left.
    """
    from faker import Faker  # a quarter of a second: only who draws pages waits for it

    locale = LOCALES[language]
    fake = Faker(locale)
    fake.seed_instance(0)
    listed = PORTUGUESE.split() if language == "pt" else fake.get_words_list()
    plain = sorted({word for word in listed if all(map(_in_a_word, word)) and len(word) <= 12})
    check_letters(language, plain)

    def draw(count: int, value: Callable[[], str]) -> tuple[str, ...]:
        last = (value().split()[-1] for _ in range(200))  # Russian cities come with "г." before them
        found = (word for word in last if word.isalpha() and 2 < len(word) <= 11)
        return tuple(dict.fromkeys(found))[:count]

    names = draw(60, fake.first_name), draw(60, fake.last_name), draw(30, fake.city)
    phrases = PHRASES[language]
    for texts in (*names, phrases.words):
        check_letters(language, texts)
    return Vocabulary(language, tuple(plain), *names, phrases)


def check_languages(shares: Mapping[str, float]) -> None:
    """Raises ``DocexpError`` unless ``shares`` names known languages with shares that add up to 1."""
    for language in shares:
        if language not in LOCALES:
            choice("languages", language, tuple(PHRASES))
    if abs(sum(shares.values()) - 1) > 1e-6 or min(shares.values()) < 0:
        raise DocexpError(f"languages={shown(dict(shares))} must give shares from 0 that add up to 1.")


def check_letters(language: str, texts: Iterable[str]) -> None:
    """Refuses texts that cannot be drawn.

    Raises:
        DocexpError: names the language, the face, some of the letters, and the languages to use instead.
    """
    used = sorted(set().union(*texts))
    use = f"Languages with pages: {', '.join(PHRASES)}."
    if any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in used):
        raise DocexpError(f"languages holds {language}, which is written from right to left; pages are not. {use}")
    for face in FACES:
        lacking = [letter for letter in used if ord(letter) not in letters_of(face)]
        if lacking:
            some = " ".join(lacking[:6])
            raise DocexpError(f"languages holds {language}: {face} lacks {len(lacking)} of its letters ({some}). {use}")


def _in_a_word(letter: str) -> bool:
    """Letters and the marks that some scripts set on them."""
    return unicodedata.category(letter)[0] in "LM"
