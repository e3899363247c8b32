/** The page in French. */
import type { Forms } from '../say.ts';
import type { Words } from './en.ts';

const forms = (one: string, other: string): Forms => ({ one, many: other, other });

export const fr: Words = {
  tag: 'fr',
  dir: 'ltr',
  units: 'short',
  name: 'Français',

  mailOf: (office) => `Courrier de ${office}`,
  overview: 'Aperçu',
  mail: 'Courrier',
  stick: 'Clé USB',
  leave: 'Quitter',
  language: 'Langue',
  skip: 'Aller au contenu',

  login: {
    title: 'Se connecter',
    password: 'Mot de passe de cette page',
    passwordHint:
      'Il a été affiché à l’installation de ce bureau. Pour en créer un nouveau, tapez sur cet ordinateur :',
    enter: 'Se connecter',
    person: 'Je veux voir mon propre courrier',
    personHint: 'Avec le nom et le mot de passe de votre programme de courrier.',
    name: 'Nom',
    personPassword: 'Votre mot de passe',
    wrong: 'Ce mot de passe n’est pas le bon.',
    later: 'Trop de mots de passe erronés. Attendez une minute, puis réessayez.',
    none: 'Cette page n’a pas encore de mot de passe. Tapez sur cet ordinateur :',
  },

  mails: forms('# message', '# messages'),

  status: {
    waiting: (mails, size) => `${mails} à envoyer, ${size}`,
    nothing: 'Rien n’attend d’être envoyé',
    oldest: (age) => `Le plus ancien attend depuis ${age}.`,
    lastSync: (age) => `Dernier échange avec le centre il y a ${age}.`,
    never: 'Aucun échange avec le centre pour l’instant.',
    atHub: (mails, size) => `Restés au centre : ${mails}, ${size}.`,
    held: (mails) => `Trop gros, retenus au centre : ${mails}.`,
  },

  sync: {
    title: 'Échanger le courrier',
    now: 'Échanger maintenant',
    over: 'Par',
    automatic: 'la liaison disponible',
    force: 'Aussi en dehors de ses heures',
    running: (link) => `Échange en cours par ${link}`,
    sent: (mails) => `Envoyé : ${mails}`,
    received: (mails) => `Reçu : ${mails}`,
    carried: (size) => `Transmis : ${size}`,
    speed: (size) => `${size} par seconde`,
    left: (time) => `Encore ${time} environ`,
    money: (money) => `Coût jusqu’ici : ${money}`,
    cancel: 'Arrêter',
    cancelled: 'Arrêté. Ce qui est arrivé reste ; la suite reprendra à cet endroit.',
    done: 'Terminé.',
    early: 'L’échange s’est arrêté avant la fin.',
    progress: 'Avancement',
  },

  links: {
    title: 'Liaisons',
    inUse: 'utilisée',
    fits: (mails, size) => `${mails} possibles, ${size}`,
    about: (money) => `environ ${money}`,
    perMinute: (money) => `${money} la minute ; vitesse encore inconnue`,
    free: 'aucun prix indiqué',
    bytesLeft: (size) => `encore ${size} à transmettre`,
    moneyLeft: (money) => `encore ${money} à dépenser`,
    month: (size) => `Ce mois-ci : ${size}`,
    monthMoney: (size, money) => `Ce mois-ci : ${size} pour ${money}`,
    unnamed: 'Toute autre liaison',
  },

  trips: {
    title: 'Les sept derniers jours',
    none: 'Aucun échange pour l’instant.',
    up: 'envoyé',
    down: 'reçu',
    early: 'arrêté avant la fin',
    list: 'Chaque échange',
    picture: (count) => `Échanges avec le centre : ${count}. Courrier envoyé au-dessus de la ligne, reçu en dessous.`,
    line: (sent, received, size) => `envoyé ${sent}, reçu ${received}, ${size}`,
  },

  problems: {
    title: 'À surveiller',
    none: 'Tout va bien.',
    details: 'En détail',
    disk: {
      title: 'Le disque est presque plein.',
      remedy: 'Supprimez ou déplacez des fichiers inutiles. D’ici là, de nouveaux messages pourraient être refusés.',
    },
    clock: {
      title: 'L’horloge de cet ordinateur est fausse.',
      remedy: 'Aucun message n’en souffre, mais ceux écrits ici portent une mauvaise date. Réglez la date et l’heure.',
    },
    queue: {
      title: 'Un message dans la file de l’autre serveur de courrier ne peut pas être pris.',
      remedy: 'Montrez les détails ci-dessous à la personne qui a installé ce serveur. Les autres messages partent.',
    },
    firewall: {
      title: 'Le pare-feu d’une liaison ne peut pas être mis en place.',
      remedy:
        'D’autres programmes de cet ordinateur peuvent utiliser la liaison et son argent. Montrez les détails ci-dessous à la personne qui l’a installé.',
    },
    noLink: {
      title: 'Le centre n’a pas pu être joint.',
      remedy:
        'Le courrier est en sécurité ici et partira dès qu’il y a une liaison. Le modem est-il allumé, voit-il le ciel ?',
    },
    refused: {
      title: 'Le centre refuse ce bureau.',
      remedy:
        'Appelez l’opérateur du centre et lisez-lui les détails ci-dessous. D’ici là, le courrier est en sécurité.',
    },
    early: {
      title: 'Le dernier échange s’est arrêté avant la fin.',
      remedy: 'Rien n’est perdu ni envoyé deux fois : le prochain reprend là où celui-ci s’est arrêté.',
    },
    foreign: {
      title: 'Parmi le courrier en attente il y a un fichier qui n’est pas un message.',
      remedy: 'Quelqu’un l’a mis là. Déplacez-le ; le programme n’y touche pas.',
    },
  },

  queue: {
    title: 'En attente ici',
    none: 'Rien n’attend.',
    noSubject: '(sans objet)',
    from: 'de',
    to: 'à',
    more: (count) => `et ${count} autres`,
    here: (office) => `sur l’ordinateur de ${office}`,
    since: (age) => `depuis ${age}`,
    onStick: (age) => `sur une clé USB depuis ${age}`,
    withCarrier: (link, age) => `confié à ${link} depuis ${age}`,
    putOff: 'remis à plus tard par le centre :',
    urgent: 'urgent',
    tooLarge: (link) => `${link} : trop gros`,
    price: (link, money) => `${link} : environ ${money}`,
    report: 'un avis',
  },

  sent: {
    title: 'Remis au centre',
    none: 'Rien pour l’instant.',
    atHub: (time) => `au centre depuis ${time}`,
    hint: 'Le centre le distribue ensuite. S’il ne le peut pas, l’expéditeur reçoit un message qui dit pourquoi.',
  },

  held: {
    title: 'Retenu au centre : trop gros pour la liaison',
    none: 'Rien n’est retenu.',
    hint: 'Demandez le tout ou une partie. La demande part avec le prochain échange ; la réponse vient avec celui-là ou le suivant.',
    all: 'Le tout',
    text: 'Le texte seul',
    small: 'Images réduites',
    part: (number) => `Pièce jointe ${number}`,
    attachments: forms('# pièce jointe', '# pièces jointes'),
    drop: 'Je n’en veux pas',
    dropHint: 'Le message est alors jeté au centre, et personne ici ne pourra plus l’obtenir.',
    dropSure: 'Oui, le jeter',
    askedAll: 'Le tout a été demandé.',
    askedText: 'Le texte a été demandé.',
    askedSmall: 'Les images réduites ont été demandées.',
    askedParts: (numbers) => `Pièce jointe ${numbers} demandée.`,
  },

  sticks: {
    make: 'Faire une clé pour le centre',
    makeHint:
      'Enregistre tout le courrier en attente dans un fichier scellé. Mettez-le sur une clé USB et envoyez celle-ci au centre, par n’importe quel moyen.',
    again: 'Aussi le courrier d’une clé précédente, parce qu’elle a été perdue',
    largest: 'Taille maximale en mégaoctets (vide : sans limite)',
    makeNow: 'Enregistrer le fichier',
    wait: (time) => `Ce qui est sur une clé n’est pas envoyé aussi par une liaison pendant ${time}.`,
    read: 'Lire une clé du centre',
    readHint: 'Choisissez le fichier que le centre a fait pour ce bureau. Le lire deux fois ne nuit pas.',
    file: 'Fichier',
    readNow: 'Lire le fichier',
    taken: (mails) => `Pris dans le fichier : ${mails}.`,
    answered: (count) => `Nos messages que le centre a reçus : ${count}.`,
    known: (count) => `Déjà arrivés auparavant : ${count}.`,
    partial: 'Une partie d’un message est gardée ; le reste peut venir par une liaison.',
    unreadable: (count) => `Illisibles ici, ils reviendront par une liaison : ${count}.`,
    damaged: 'Le fichier est abîmé ou ne vient pas du centre. Ce qui précède le dommage est pris. Copiez-le à nouveau.',
    notOurs: 'Le fichier n’est pas pour ce bureau. Rien n’a été pris.',
    busy: 'Un échange avec le centre est en cours. Attendez qu’il se termine, puis réessayez.',
    noFile: 'Aucun fichier n’a été choisi.',
  },

  people: {
    nav: 'Adresses',
    title: 'Carnet d’adresses',
    hint: 'Toutes les personnes à qui l’on peut écrire, selon le dernier échange avec le centre. Importez le fichier dans votre programme de courrier : il complétera les adresses.',
    vcard: 'Enregistrer en vCard',
    ldif: 'Enregistrer en LDIF (Thunderbird)',
    lists: 'Listes et autres noms',
  },

  errors: {
    notFound: 'Cette page n’existe pas.',
    failed: 'Quelque chose n’a pas marché. Le journal de l’agent dit quoi.',
    stale: 'Cette page était trop ancienne. Chargez-la à nouveau, puis recommencez.',
    home: 'Vers l’aperçu',
  },
};
