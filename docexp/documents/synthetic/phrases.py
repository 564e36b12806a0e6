"""What forms, captions and questions say, by language. Written here; a kind of value has one key in each language."""

from dataclasses import dataclass

KEYS = (
    "number",
    "issued",
    "due",
    "customer",
    "contact",
    "city",
    "account",
    "order",
    "phone",
    "net",
    "tax",
    "total",
)
"""The kinds of values of a statement, in the order in which ``Phrases.keys`` spells them."""


@dataclass(frozen=True)
class Phrases:
    """The fixed texts of a language. ``keys`` go with ``KEYS``, ``kinds`` with ``STATEMENTS``."""

    figure: str
    table: str
    page: str
    kinds: tuple[str, str, str]
    keys: tuple[str, ...]
    ask_field: str
    ask_cell: str

    @property
    def words(self) -> list[str]:
        """Every word that is drawn."""
        return " ".join((self.figure, self.table, self.page, *self.kinds, *self.keys)).split()


def _keys(text: str) -> tuple[str, ...]:
    return tuple(text.split("|"))


STATEMENTS = ("invoice", "order", "receipt")
"""Document classes of statements."""

PHRASES = {
    "en": Phrases(
        "Figure",
        "Table",
        "Page",
        ("Invoice", "Order", "Receipt"),
        _keys("Number|Issued on|Due on|Customer|Contact|City|Account|Order number|Phone|Net|Tax|Total due"),
        "What is the value of “{key}”?",
        "What is “{column}” of “{row}”?",
    ),
    "de": Phrases(
        "Abbildung",
        "Tabelle",
        "Seite",
        ("Rechnung", "Bestellung", "Quittung"),
        _keys("Nummer|Datum|Fällig am|Kunde|Ansprechpartner|Ort|Konto|Bestellnummer|Telefon|Netto|Steuer|Gesamtbetrag"),
        "Wie lautet die Angabe zu „{key}“?",
        "Was steht bei „{row}“ unter „{column}“?",
    ),
    "fr": Phrases(
        "Figure",
        "Tableau",
        "Page",
        ("Facture", "Commande", "Reçu"),
        _keys("Numéro|Émise le|Échéance|Client|Contact|Ville|Compte|Référence|Téléphone|Net|Taxe|Montant total"),
        "Quelle est la valeur de « {key} » ?",
        "Quelle est la valeur de « {column} » pour « {row} » ?",
    ),
    "es": Phrases(
        "Figura",
        "Tabla",
        "Página",
        ("Factura", "Pedido", "Recibo"),
        _keys("Número|Fecha|Vencimiento|Cliente|Contacto|Ciudad|Cuenta|Referencia|Teléfono|Neto|Impuesto|Total"),
        "¿Cuál es el valor de «{key}»?",
        "¿Cuál es el valor de «{column}» para «{row}»?",
    ),
    "it": Phrases(
        "Figura",
        "Tabella",
        "Pagina",
        ("Fattura", "Ordine", "Ricevuta"),
        _keys("Numero|Data|Scadenza|Cliente|Referente|Città|Conto|Riferimento|Telefono|Netto|Imposta|Totale"),
        "Qual è il valore di «{key}»?",
        "Qual è il valore di «{column}» per «{row}»?",
    ),
    "pt": Phrases(
        "Figura",
        "Tabela",
        "Página",
        ("Fatura", "Encomenda", "Recibo"),
        _keys("Número|Data|Vencimento|Cliente|Contacto|Cidade|Conta|Referência|Telefone|Líquido|Imposto|Total"),
        "Qual é o valor de «{key}»?",
        "Qual é o valor de «{column}» para «{row}»?",
    ),
    "el": Phrases(
        "Εικόνα",
        "Πίνακας",
        "Σελίδα",
        ("Τιμολόγιο", "Παραγγελία", "Απόδειξη"),
        _keys("Αριθμός|Ημερομηνία|Λήξη|Πελάτης|Υπεύθυνος|Πόλη|Λογαριασμός|Κωδικός|Τηλέφωνο|Καθαρό|Φόρος|Σύνολο"),
        "Ποια είναι η τιμή του «{key}»;",
        "Ποια είναι η τιμή του «{column}» για το «{row}»;",
    ),
    "ru": Phrases(
        "Рисунок",
        "Таблица",
        "Страница",
        ("Счёт", "Заказ", "Квитанция"),
        _keys("Номер|Дата|Срок|Клиент|Менеджер|Город|Лицевой счёт|Номер заказа|Телефон|Нетто|Налог|Итого"),
        "Что указано в графе «{key}»?",
        "Что указано в столбце «{column}» для «{row}»?",
    ),
}
